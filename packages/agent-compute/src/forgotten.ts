import type { Clock, Logger } from '@nephoscope/core';

const pause = 24n * 3_600_000_000_000n;

/** Logs that state of gone instances was discarded: the first time, and then at most once a day. */
export class Forgotten {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #loggedAt: bigint | undefined;
  #reduced = 0;
  #forgotten = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /**
   * @param reduced instances with reduced state
   * @param forgotten instances without any
   */
  add(reduced: number, forgotten: number): void {
    this.#reduced += reduced;
    this.#forgotten += forgotten;
    if (this.#reduced + this.#forgotten === 0) return;
    const now = this.#clock.monotonic();
    if (this.#loggedAt !== undefined && now - this.#loggedAt < pause) return;
    this.#loggedAt = now;
    const counts = { reduced: this.#reduced, forgotten: this.#forgotten };
    if (this.#forgotten > 0)
      this.#logger.warn(
        counts,
        `${this.#forgotten} instances that have disappeared were forgotten because there were too many: if one returns in the same run, an epoch may be reused`,
      );
    else
      this.#logger.info(
        counts,
        `of ${this.#reduced} instances that have disappeared, the last volumes were forgotten because there were many: if one returns in the same run, values that fell and devices unplugged meanwhile are not noticed`,
      );
    this.#reduced = this.#forgotten = 0;
  }
}
