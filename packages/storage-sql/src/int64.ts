export const int64Range = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** A time beyond 64 bits is after all that is stored, or before. */
export function toInt64(time: bigint): bigint {
  return time < int64Range.min ? int64Range.min : time > int64Range.max ? int64Range.max : time;
}
