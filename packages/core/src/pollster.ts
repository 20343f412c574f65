import type { Clock } from './clock.js';
import type { Cloud } from './cloud.js';
import type { Counter, Metadata, Plugging, Total, TotalPart } from './counter.js';
import type { Instance } from './instance.js';
import type { InstancePart, InstanceParts } from './inspector.js';
import type { Missing } from './missing.js';
import type { Logger } from './logger.js';

/** What a pollster may return: whatever yields counters, at once or later. */
export type Counters<Item = Counter> = Iterable<Item> | AsyncIterable<Item> | Promise<Iterable<Item>>;

/** The parts that a pollster asked for, all of them read. */
export type Inspection<P extends InstancePart> = Pick<InstanceParts, P> & {
  /** The moment of the reading: ns since 1970 UTC, and on the monotonic clock. */
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
  /** The run that the instance was in; counts of another run cannot be compared with these. */
  readonly run: string | undefined;
};

export interface CounterDetails {
  /** Defaults to the instance's id. */
  readonly resourceId?: string;
  /** Added to the instance's metadata, or over it. */
  readonly metadata?: Metadata;
  /** For a cumulative counter of one device: begins a new epoch when the device was plugged in anew. */
  readonly plugging?: Plugging | undefined;
}

/** All that a compute pollster can reach: this instance's reading and the means to make counters of it. */
export interface ComputePollManager<P extends InstancePart> {
  readonly inspection: Inspection<P>;
  /** The last earlier reading of this instance that had all these parts; undefined at first. */
  readonly previous: Inspection<P> | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when the cycle's time is over. */
  readonly signal: AbortSignal;
  /**
   * A counter of this instance with the type and unit that the plugin declared for the meter.
   *
   * @throws METER_UNDECLARED for a name that is not in the plugin's table
   */
  counter(meter: string, volume: number | bigint, details?: CounterDetails): Counter;
  /**
   * A cumulative counter that is a sum over devices. Hand over the parts and never their sum: when a disk is detached a
   * sum falls, and nobody could tell that from counts that begin anew. A part that is missing is handed over as such,
   * and said to be missing by the agent.
   *
   * @throws METER_UNDECLARED for a name that is not in the plugin's table
   * @throws TOTAL_INVALID when the meter is not cumulative, or two parts have one key
   */
  total(meter: string, parts: readonly TotalPart[], details?: TotalDetails): Total;
  /** Says that a meter has no figure this time, and why; said once in the log until it changes, and counted. */
  missing(meter: string, reason: Missing, resourceId?: string): void;
}

export interface TotalDetails extends Omit<CounterDetails, 'plugging'> {
  /** Where it is given, the counter is what the parts leave of it; it stands still where it would fall. */
  readonly whole?: number | bigint;
}

export interface ComputePollster<P extends InstancePart> {
  getCounters(manager: ComputePollManager<P>, instance: Instance): Counters<Counter | Total>;
}

/** What a central pollster can reach. */
export interface CentralPollManager {
  readonly cloud: Cloud;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Says that a meter has no figure for a resource this time, and why; said once in the log until it changes, and counted. */
  missing(meter: string, reason: Missing, resourceId: string): void;
}

export interface CentralPollster {
  getCounters(manager: CentralPollManager): Counters;
}
