// What a metering message may say. Whoever writes one and whoever reads one hold to the same rules, so that nothing is
// sent that every collector refuses.

/** The longest message that is read, in bytes of its line. */
export const maxMeteringLineBytes = 1024 * 1024;

/** The digits that Python, too, takes for one number at most. */
export const maxNumberLength = 4300;

/** Digits of a number's exponent: more name no quantity, and take a millisecond each to be written out. */
export const maxExponentLength = 40;

/**
 * How many values a message has at the most: those of all members of its objects and all items of its arrays, whatever
 * they stand in. Those of real services have some dozens to some hundreds.
 */
export const maxMessageValues = 5_000;

/** Of these, how many its metadata may have: the others are for the fields around it. */
export const maxMetadataValues = maxMessageValues - 100;

/**
 * How many keys of a text may be digits alone. V8 hashes such keys by their number, so that somebody can choose some
 * that all fall together: 48,000 of them in one Map hold Node 20.19 for 17 s, a thousand for some milliseconds.
 */
export const maxDigitKeys = 1_000;

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
