import { formatTimestamp } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';
import type { SampleStore } from '@nephoscope/core/sample-store';

const day = 86_400_000_000_000n;
/** Samples that would be removed within the hour are not recorded. */
const hour = 3_600_000_000_000n;
/** Interval of queries to the store, ns. */
const lookEvery = 600_000_000_000n;

export interface OldestKeptParts {
  /** How long samples are kept, ms; undefined: without limit. */
  readonly retention: number | undefined;
  readonly store: SampleStore;
  readonly clock: Clock;
}

/**
 * The time (ns since 1970 UTC) before which samples were removed, by retention or an operator, or are about to be
 * removed by retention. An older sample may repeat a removed one, and would be recorded as new. As for the removal
 * itself, the time is that of the clock, but at most that of recorded samples: a clock that is ahead refuses nothing.
 */
export class OldestKept {
  readonly #parts: OldestKeptParts;
  #time: bigint | undefined;
  #lookedAt = 0n;

  constructor(parts: OldestKeptParts) {
    this.#parts = parts;
  }

  /** @throws what the store throws */
  async time(): Promise<bigint | undefined> {
    // Each time, because an operator may remove samples at any time.
    const removed = await this.#parts.store.removedBefore();
    const kept = await this.#byRetention();
    return removed === undefined || (kept !== undefined && kept > removed) ? kept : removed;
  }

  async #byRetention(): Promise<bigint | undefined> {
    const { clock, retention, store } = this.#parts;
    if (retention === undefined) return undefined;
    const asked = clock.monotonic();
    if (this.#time !== undefined && asked - this.#lookedAt < lookEvery) return this.#time;
    const newest = (await store.recordedTimes())?.newest;
    const now = clock.now();
    const time = newest === undefined || newest > now ? now : newest;
    const oldest = time - BigInt(Math.round(retention)) * 1_000_000n - day + hour;
    // Removed samples stay removed.
    if (this.#time === undefined || oldest > this.#time) this.#time = oldest;
    this.#lookedAt = asked;
    return this.#time;
  }
}

/** Why a sample is not recorded. */
export function expired(timestamp: bigint, oldest: bigint): string {
  return `it is dated ${formatTimestamp(timestamp)}, and samples older than ${formatTimestamp(oldest)} were removed or are about to be: it may be a copy of a removed sample`;
}
