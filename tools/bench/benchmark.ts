import type { Profile } from './measured-process.js';
import type { StoreName } from './stores.js';

/** One measurement of `npm run bench`, each in its own file. */
export interface Benchmark {
  readonly name: string;
  readonly description: string;
  /** Too slow for the default run: runs only when named. */
  readonly onlyNamed?: boolean;
  /** Starts what it needs, measures, and always stops it. Returns the results to print as JSON. */
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
  /** How many samples `query` records. */
  readonly queried: number;
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
  /** Aborted when the result is no longer needed. */
  readonly signal: AbortSignal;
}

/** The whole chain from publisher to store, and what each of its parts can do alone. */
export const stages = ['chain', 'consume', 'verify', 'insert'] as const;
export type Stage = (typeof stages)[number];

export const profileOf = ({ profiles }: BenchmarkContext, name: string): Profile | undefined =>
  profiles === undefined ? undefined : { directory: profiles, name };
