import type { Clock } from './clock.js';
import type { Cloud } from './cloud.js';
import type { Counter, Metadata } from './counter.js';
import type { Instance } from './instance.js';
import type { InstancePart, InstanceParts, Missing } from './inspector.js';
import type { Logger } from './logger.js';

/** What a pollster may return: whatever yields counters, at once or later. */
export type Counters = Iterable<Counter> | AsyncIterable<Counter> | Promise<Iterable<Counter>>;

/** The parts that a pollster asked for, all of them read. */
export type Inspection<P extends InstancePart> = Pick<InstanceParts, P> & {
  /** The moment of the reading: ns since 1970 UTC, and on the monotonic clock. */
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
};

export interface CounterDetails {
  /** Defaults to the instance's id. */
  readonly resourceId?: string;
  /** Added to the instance's metadata, or over it. */
  readonly metadata?: Metadata;
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
  /** Says that a meter has no figure this time, and why; said once in the log until it changes, and counted. */
  missing(meter: string, reason: Missing, resourceId?: string): void;
}

export interface ComputePollster<P extends InstancePart> {
  getCounters(manager: ComputePollManager<P>, instance: Instance): Counters;
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
