import type { Cloud } from './cloud.js';
import type { Metadata, Plugging, TotalPart } from './counter.js';
import type { Instance } from './instance.js';
import type { InstancePart, InstanceParts } from './inspector.js';
import type { Missing } from './missing.js';

// A poll is a request and a reply. Both are plain data that `structuredClone` copies, so that a pollster could run in
// another process: they contain no functions, and object identity has no meaning.

/** The reply of a pollster: anything that yields items, synchronously or not. Each item is processed as it arrives. */
export type Counters<Item> = Iterable<Item> | AsyncIterable<Item> | Promise<Iterable<Item>>;

/** The parts that a pollster requested, all of them read. */
export type Inspection<P extends InstancePart> = Pick<InstanceParts, P> & {
  /** The time of the reading: ns since 1970 UTC, and on the monotonic clock. */
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
  /** The run of the instance; counts of different runs cannot be compared. */
  readonly run: string | undefined;
};

/** The request to a compute pollster: one instance and what was read of it. */
export interface Poll<P extends InstancePart> {
  readonly instance: Instance;
  readonly inspection: Inspection<P>;
  /** The previous reading of this instance with all these parts; undefined at first. */
  readonly previous: Inspection<P> | undefined;
}

/** A figure of one meter. The agent adds the meter's type and unit, the owner, the time and the instance's metadata. */
export interface Figure {
  /** A name from the plugin's table. */
  readonly meter: string;
  /**
   * In the meter's unit; 64-bit counts are `bigint`. A missing figure is counted, and its reason is logged when it
   * changes.
   */
  readonly volume: number | bigint | Missing;
  /** Default: the instance's id. */
  readonly resourceId?: string | undefined;
  /** Added to the instance's metadata, replacing equal keys. */
  readonly metadata?: Metadata | undefined;
  /** For a cumulative meter of one device: a new plugging begins a new epoch. */
  readonly plugging?: Plugging | undefined;
}

/**
 * A cumulative meter that is a sum over devices, given in parts. The agent adds them up and keeps the counts of
 * devices that are gone, so that the volume never falls within a run: a sum falls when a disk is detached, which
 * cannot be distinguished from counts that restart. If a part is missing there is no counter, but the other parts are
 * stored.
 */
export interface Total {
  readonly meter: string;
  /** All devices that are present now. */
  readonly parts: readonly TotalPart[];
  /**
   * If given, the counter is this minus all parts, including those of devices that are gone; it stays constant if it
   * would fall.
   */
  readonly whole?: number | bigint | undefined;
  readonly resourceId?: string | undefined;
  readonly metadata?: Metadata | undefined;
}

export interface ComputePollster<P extends InstancePart> {
  /** @param signal aborted when the cycle's time is over */
  getCounters(poll: Poll<P>, signal: AbortSignal): Counters<Figure | Total>;
}

/** A figure of a cloud resource. The agent adds the meter's type and unit. */
export interface CloudFigure {
  /** A name from the plugin's table. */
  readonly meter: string;
  readonly volume: number | bigint;
  readonly resourceId: string;
  /** null if the owner is unknown. */
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly metadata: Metadata;
  /** ns since 1970 UTC; default: when the agent receives the figure. */
  readonly timestamp?: bigint | undefined;
}

/** A meter that has no figure for a resource in this cycle, and why. */
export interface MissingFigure {
  readonly meter: string;
  readonly volume: Missing;
  readonly resourceId: string;
}

export interface CentralPollster {
  /** @param signal aborted when the cycle's time is over */
  getCounters(cloud: Cloud, signal: AbortSignal): Counters<CloudFigure | MissingFigure>;
}
