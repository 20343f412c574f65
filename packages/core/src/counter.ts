import type { Missing } from './missing.js';

/**
 * `cumulative` only grows, and restarts at 0 with its resource; `delta` is the amount since the previous counter;
 * `gauge` is a current value.
 */
export const counterTypes = ['cumulative', 'delta', 'gauge'] as const;
export type CounterType = (typeof counterTypes)[number];

/** JSON in a counter's metadata. Integers beyond 2^53 are `bigint`. */
export type MetadataValue =
  string | number | bigint | boolean | null | readonly MetadataValue[] | { readonly [key: string]: MetadataValue };

export type Metadata = { readonly [key: string]: MetadataValue };

/**
 * One measurement, created once and never changed. The fields are Ceilometer's.
 *
 * `volume` is in `unit`; 64-bit counts are `bigint`. `timestamp` is the time of the reading in nanoseconds since 1970
 * UTC. `userId` and `projectId` are null if the owner of the resource is unknown.
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
 * Marks of one plugging of a device. Two readings with a mark in common belong to one plugging, whose counts
 * continue. Without a common mark, the device was plugged in again in between and counts from 0. A mark is never used
 * again within a run. If undefined, only a falling count shows a new plugging.
 */
export type Plugging = readonly string[];

/** The count of one device, as a part of a total over devices. */
export interface TotalPart {
  /** Identifies the device among the parts, such as `vda`. */
  readonly key: string;
  readonly volume: number | bigint | Missing;
  readonly plugging?: Plugging | undefined;
}
