import type { Clock, Health } from '@nephoscope/core';

/**
 * Detects work that makes no progress. Work that fails and is retried reports that itself; this reports work that
 * neither ends nor fails, or does not begin.
 */
export class Duty {
  readonly #clock: Clock;
  readonly #what: string;
  #expected: { readonly within: number; readonly from: bigint; readonly since: bigint } | undefined;

  /** @param what has not happened, for messages, such as `no cycle has ended` */
  constructor(what: string, clock: Clock) {
    this.#what = what;
    this.#clock = clock;
  }

  /** Sets the deadline, ms from now. */
  expect(within: number): void {
    this.#expected = { within, from: this.#clock.monotonic(), since: this.#clock.now() };
  }

  /** Removes the deadline. */
  done(): void {
    this.#expected = undefined;
  }

  get isExpected(): boolean {
    return this.#expected !== undefined;
  }

  health(): Health {
    if (this.#expected === undefined) return { ok: true };
    const { within, from, since } = this.#expected;
    if (this.#clock.monotonic() - from <= BigInt(within) * 1_000_000n) return { ok: true };
    const text = new Date(Number(since / 1_000_000n)).toISOString();
    const reason = `${this.#what} since ${text}, which may take ${within / 1_000} s`;
    return { ok: false, reason, since: text, isStuck: true };
  }
}
