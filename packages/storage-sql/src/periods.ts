/** Four weeks, so that a row that is in use is written again as seldom; whole weeks of `partitions.ts`. */
const span = 28n * 86_400n * 1_000_000_000n;
/** 1970-01-05, a Monday. */
const origin = 4n * 86_400n * 1_000_000_000n;

/** Before every period that a time of 64 bits is in: nothing was removed yet. */
export const noPeriod = -4_000;

/** The period that a time (ns) is in: those that samples share rows for, and that rows are kept for. */
export function periodOf(time: bigint): number {
  const offset = (((time - origin) % span) + span) % span;
  return Number((time - origin - offset) / span);
}

/** Gives the periods of times that are mostly of one. */
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
