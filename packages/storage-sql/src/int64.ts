export const int64Range = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** Clamps a time to 64 bits: a time beyond is after, or before, everything that is stored. */
export function toInt64(time: bigint): bigint {
  return time < int64Range.min ? int64Range.min : time > int64Range.max ? int64Range.max : time;
}
