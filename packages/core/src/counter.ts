/** `cumulative` only grows and starts again at 0 with its resource; `delta` is the amount since the last one; `gauge` is a value now. */
export const counterTypes = ['cumulative', 'delta', 'gauge'] as const;
export type CounterType = (typeof counterTypes)[number];

export function isCounterType(type: unknown): type is CounterType {
  return counterTypes.some((known) => known === type);
}

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
