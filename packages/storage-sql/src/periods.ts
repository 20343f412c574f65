/** Four weeks, so that a row in use is rewritten rarely; whole weeks, like those of `partitions.ts`. */
const span = 28n * 86_400n * 1_000_000_000n;
/** 1970-01-05, a Monday. */
const origin = 4n * 86_400n * 1_000_000_000n;

/** Before every period of a 64-bit time: nothing was removed yet. */
export const noPeriod = -4_000;

/** The period of a time (ns), for which shared rows are kept. */
export function periodOf(time: bigint): number {
  const offset = (((time - origin) % span) + span) % span;
  return Number((time - origin - offset) / span);
}

/** Returns the periods of times, most of which are in the same one. */
export class Periods {
  #period = noPeriod;
  #start = 0n;
  #end = 0n;

  of(time: bigint): number {
    if (time < this.#start || time >= this.#end) {
      this.#period = periodOf(time);
      this.#start = origin + BigInt(this.#period) * span;
      this.#end = this.#start + span;
    }
    return this.#period;
  }
}
