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
}

/**
 * Marks of one plugging of a device. Two readings with a mark in common are of one plugging, whose counts go on; without
 * one the device was plugged in anew between them, and counts from 0. A mark is never used again within a run.
 * Undefined where nothing tells: then only a count that falls does.
 */
export type Plugging = readonly string[];

/** What one device counts, as a part of a total over devices. */
export interface TotalPart {
  /** Names the device among the parts, such as `vda`. */
  readonly key: string;
  readonly volume: number | bigint | Missing;
  readonly plugging?: Plugging | undefined;
}
