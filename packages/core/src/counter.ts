import type { Missing } from './missing.js';

/** `cumulative` only grows and starts again at 0 with its resource; `delta` is the amount since the last one; `gauge` is a value now. */
export type CounterType = 'cumulative' | 'delta' | 'gauge';

/** JSON as it may stand in a counter's metadata. Integers beyond 2^53 are `bigint`. */
export type MetadataValue =
  string | number | bigint | boolean | null | readonly MetadataValue[] | { readonly [key: string]: MetadataValue };

export type Metadata = { readonly [key: string]: MetadataValue };

/**
 * One measurement, made once and never changed. The fields are Ceilometer's.
 *
 * `volume` is in `unit`; 64-bit counts are `bigint`. `timestamp` is the moment of the reading, in
 * nanoseconds since 1970 UTC. `userId` and `projectId` are null where nobody is known to own the resource.
 */
export interface Counter {
  readonly name: string;
  readonly type: CounterType;
  readonly unit: string;
  readonly volume: number | bigint;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly resourceId: string;
  readonly timestamp: bigint;
  readonly resourceMetadata: Metadata;
  /** Of a counter of one device: what names its plugging. For the agent; it is not sent. */
  readonly plugging?: Plugging | undefined;
}

/**
 * Marks of one plugging of a device. Two readings with a mark in common are of one plugging, whose counts go on; without
 * one the device was plugged in anew between them, and counts from 0. A mark is never used again within a run.
 * Undefined where nothing tells: then only a count that falls does.
 */
export type Plugging = readonly string[];

/** What one device counts, as a part of a {@link Total}. */
export interface TotalPart {
  /** Names the device among the parts, such as `vda`. */
  readonly key: string;
  readonly volume: number | bigint | Missing;
  readonly plugging?: Plugging | undefined;
}

/**
 * A cumulative counter over devices that come and go, in parts. The agent makes the counter: it keeps what the devices
 * that have gone had used, so that the volume never falls within a run. While a part is missing there is no counter,
 * and the other parts are noted.
 */
export interface Total extends Omit<Counter, 'volume' | 'plugging'> {
  /** Of all devices that are there now. */
  readonly parts: readonly TotalPart[];
  /** Where it is given, the counter is what all parts, those that have gone too, leave of it. */
  readonly whole?: number | bigint | undefined;
}
