import type { Profile } from './measured-process.js';
import type { StoreName } from './stores.js';

/** One thing that `npm run bench` measures; a file of its own for each. */
export interface Benchmark {
  readonly name: string;
  readonly description: string;
  /** Takes so long that it runs only when it is named. */
  readonly onlyNamed?: boolean;
  /** Starts what it needs, measures, and stops it again, however that ends. Returns what is printed as JSON. */
  run(context: BenchmarkContext): Promise<object>;
}

export interface BenchmarkContext {
  /** Where CPU profiles go; undefined when none are wanted. */
  readonly profiles: string | undefined;
  /** Which stores are measured, where one is. */
  readonly stores: readonly StoreName[];
  /** Which parts of `ingest` are measured. */
  readonly stages: readonly Stage[];
  /** How many samples `ingest` sends. */
  readonly samples: number;
  /** How many rows `growth` records. */
  readonly rows: number;
  /** How many resources `resources` meters. */
  readonly resources: number;
  /** How many messages `hostile` sends. */
  readonly messages: number;
  /** At which intervals `rest` runs the compute agent, s, and for how many cycles. */
  readonly intervals: readonly number[];
  readonly cycles: number;
  /** How long `soak` watches. */
  readonly minutes: number;
  /** Aborted when nobody waits for the result any more. */
  readonly signal: AbortSignal;
}

/** The whole chain from publisher to store, and what each of its parts can do alone. */
export const stages = ['chain', 'consume', 'verify', 'insert'] as const;
export type Stage = (typeof stages)[number];

export const profileOf = ({ profiles }: BenchmarkContext, name: string): Profile | undefined =>
  profiles === undefined ? undefined : { directory: profiles, name };
