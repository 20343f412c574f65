import { Mutex } from '@nephoscope/async';
import type { RollupCheck, RollupTurn, Rollups } from '@nephoscope/core/sample-store';

import type { RollupAccess } from './rollup-database.js';
import { Roller } from './roller.js';

interface StoreRollupsParts {
  readonly access: RollupAccess;
  /** A signal that is aborted when the store stops. @throws STORE_UNAVAILABLE if it is not open */
  begin(): AbortSignal;
  /** What the store calls an error of its database. */
  storeError(cause: unknown): Error;
}

/** The rollups of an open store: a {@link Roller} that ends with the store. What fails here says nothing of recording. */
export class StoreRollups implements Rollups {
  readonly #parts: StoreRollupsParts;
  readonly #roller: Roller;
  /** One after the other, so that they do not take each other's turn. */
  readonly #turns = new Mutex();

  constructor(parts: StoreRollupsParts) {
    this.#parts = parts;
    this.#roller = new Roller(parts.access);
  }

  turn(time: bigint, signal: AbortSignal): Promise<RollupTurn> {
    return this.#alone(signal, (until) => this.#roller.turn(time, until));
  }

  rebuild(signal: AbortSignal): Promise<void> {
    return this.#alone(signal, (until) => this.#roller.rebuild(until));
  }

  async *check(signal: AbortSignal): AsyncGenerator<RollupCheck> {
    const until = this.#until(signal);
    try {
      yield* this.#roller.check(until);
    } catch (error) {
      throw this.#reason(error, until);
    }
  }

  #alone<T>(signal: AbortSignal, work: (until: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      const until = this.#until(signal);
      try {
        return await work(until);
      } catch (error) {
        throw this.#reason(error, until);
      }
    });
  }

  #until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#parts.begin()]);
  }

  #reason(error: unknown, until: AbortSignal): unknown {
    return until.aborted ? until.reason : this.#parts.storeError(error);
  }
}
