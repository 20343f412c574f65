// What a metering message may say. Whoever writes one and whoever reads one hold to the same rules, so that nothing is
// sent that every collector refuses.

/** The longest message that is read, in bytes of its line. */
export const maxMeteringLineBytes = 1024 * 1024;

/** The digits that Python, too, takes for one number at most. */
export const maxNumberLength = 4300;

/** Stores keep times, ns since 1970 UTC, in 64 bits: the years 1678 to 2262. */
export function isStorableTime(timestamp: bigint): boolean {
  return BigInt.asIntN(64, timestamp) === timestamp;
}

/** Of a counter's name and resource id. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Of its unit, its owners and whatever else may be unknown. */
export function isTextOrNull(value: unknown): value is string | null {
  return typeof value === 'string' || value === null;
}
