// The limits of a metering message, the same for writing and for reading, so that nothing is sent that every
// collector refuses.

/** The longest message that is read, in bytes of its line. */
export const maxMeteringLineBytes = 1024 * 1024;

/** Also Python's limit for the digits of a number. */
export const maxNumberLength = 4300;

/** Digits of a number's exponent. More denote no quantity, and take a millisecond each to be written out. */
export const maxExponentLength = 40;

/**
 * Maximum number of values in a message: all members of its objects and all items of its arrays, at any depth. Those
 * of real services have dozens to hundreds.
 */
export const maxMessageValues = 5_000;

/** How many of these the metadata may have; the others are for the fields around it. */
export const maxMetadataValues = maxMessageValues - 100;

/**
 * How many keys of a text may consist of digits. V8 hashes such keys by their number, so they can be chosen to
 * collide: 48,000 in one Map block Node 20.19 for 17 s, a thousand for some milliseconds.
 */
export const maxDigitKeys = 1_000;

/** Stores keep times, ns since 1970 UTC, in 64 bits: the years 1678 to 2262. */
export function isStorableTime(timestamp: bigint): boolean {
  return BigInt.asIntN(64, timestamp) === timestamp;
}

/** For a counter's name and resource id. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** For its unit, its owners and other values that may be unknown. */
export function isTextOrNull(value: unknown): value is string | null {
  return typeof value === 'string' || value === null;
}
