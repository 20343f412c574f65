import type { Cloud } from './cloud.js';
import type { Metadata, Plugging, TotalPart } from './counter.js';
import type { Instance } from './instance.js';
import type { InstancePart, InstanceParts } from './inspector.js';
import type { Missing } from './missing.js';

// A poll is a request and a reply. Both are plain data that `structuredClone` copies, so that a pollster may as well run
// in another process: nothing in them is a function, and nobody may tell two equal objects apart.

/** What a pollster may reply: whatever yields items, at once or later. Each is read as it comes. */
export type Counters<Item> = Iterable<Item> | AsyncIterable<Item> | Promise<Iterable<Item>>;

/** The parts that a pollster asked for, all of them read. */
export type Inspection<P extends InstancePart> = Pick<InstanceParts, P> & {
  /** The moment of the reading: ns since 1970 UTC, and on the monotonic clock. */
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
  /** The run that the instance was in; counts of another run cannot be compared with these. */
  readonly run: string | undefined;
};

/** What a compute pollster is asked: one instance and what was read of it. */
export interface Poll<P extends InstancePart> {
  readonly instance: Instance;
  readonly inspection: Inspection<P>;
  /** The last earlier reading of this instance that had all these parts; undefined at first. */
  readonly previous: Inspection<P> | undefined;
}

/** A figure of one meter. The agent adds the meter's type and unit, the owner, the time and the instance's metadata. */
export interface Figure {
  /** A name from the plugin's table. */
  readonly meter: string;
  /** In the meter's unit; 64-bit counts are `bigint`. Why there is none this time is counted, and logged when it changes. */
  readonly volume: number | bigint | Missing;
  /** Defaults to the instance's id. */
  readonly resourceId?: string | undefined;
  /** Added to the instance's metadata, or over it. */
  readonly metadata?: Metadata | undefined;
  /** For a cumulative meter of one device: begins a new epoch when the device was plugged in anew. */
  readonly plugging?: Plugging | undefined;
}

/**
 * A cumulative meter that is a sum over devices, in parts. The agent adds them up and keeps what devices that have gone
 * had used, so that the volume never falls within a run: when a disk is detached a sum falls, and nobody could tell that
 * from counts that begin anew. While a part is missing there is no counter, and the other parts are noted.
 */
export interface Total {
  readonly meter: string;
  /** Of all devices that are there now. */
  readonly parts: readonly TotalPart[];
  /** Where it is given, the counter is what all parts, those that have gone too, leave of it; it stands still where it would fall. */
  readonly whole?: number | bigint | undefined;
  readonly resourceId?: string | undefined;
  readonly metadata?: Metadata | undefined;
}

export interface ComputePollster<P extends InstancePart> {
  /** @param signal aborted when the cycle's time is over */
  getCounters(poll: Poll<P>, signal: AbortSignal): Counters<Figure | Total>;
}

/** A figure of something in the cloud. The agent adds the meter's type and unit. */
export interface CloudFigure {
  /** A name from the plugin's table. */
  readonly meter: string;
  readonly volume: number | bigint;
  readonly resourceId: string;
  /** null where nobody is known to own it. */
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly metadata: Metadata;
  /** ns since 1970 UTC; by default the moment at which the agent takes it. */
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
