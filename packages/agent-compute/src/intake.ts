import { Mutex, retry } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import { Duty } from '@nephoscope/runtime';

import type { Failures } from './failures.js';
import type { Labelled, MessageWriter } from './message-writer.js';
import type { SpoolMessage } from './spool/record.js';
import type { Spool } from './spool/spool.js';

const pauses = { first: 500, longest: 5_000 };
/** If the disk takes longer for samples, this is reported, ms. */
const usualTimeLimit = 10_000;

export interface IntakeParts {
  readonly writer: MessageWriter;
  readonly spool: Spool;
  /** Makes the epochs durable; without them, samples after a restart would have other epochs. */
  readonly saveEpochs: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Makes messages of counters and writes them to the spool, one batch after the other, so that no number is used that
 * does not become durable. A sample counts as accepted once it is there.
 */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #taking = new Mutex();
  readonly #writing: Duty;
  #failure: string | undefined;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#writing = new Duty('the state directory has not accepted what was written', parts.clock);
  }

  /**
   * Accepts all of these or none, and returns the number of samples.
   *
   * @param failures receives the counters that cannot be sent
   * @param signal a failing disk is retried until it is aborted, and at least tried once
   * @throws SPOOL_UNAVAILABLE, SPOOL_FULL, STATE_DIRECTORY
   */
  take(batch: readonly Labelled[], failures: Failures, signal: AbortSignal): Promise<number> {
    const { writer } = this.#parts;
    return this.#taking.run(async () => {
      const before = writer.sequence;
      const messages = writer.write(batch, failures);
      try {
        await this.#keep(messages, signal);
      } catch (error) {
        writer.continueFrom(before);
        throw error;
      }
      return messages.reduce((sum, { samples }) => sum + samples, 0);
    });
  }

  health(): Health {
    if (this.#failure !== undefined) return { ok: false, reason: this.#failure };
    const writing = this.#writing.health();
    // It waits for the disk, which a restart would not fix.
    return writing.ok ? writing : { ...writing, isStuck: false };
  }

  async #keep(messages: readonly SpoolMessage[], signal: AbortSignal): Promise<void> {
    const { clock, logger, saveEpochs, spool } = this.#parts;
    let last: unknown;
    const save = async (): Promise<void> => {
      try {
        this.#writing.expect(usualTimeLimit);
        await saveEpochs();
        this.#writing.expect(usualTimeLimit);
        await spool.append(messages, signal);
        this.#failure = undefined;
      } catch (error) {
        last = error;
        this.#failure = `no samples can be accepted: ${describeError(error)}`;
        throw error;
      } finally {
        this.#writing.done();
      }
    };
    const onFailure = (error: unknown, pause: number): void =>
      logger.warn({ err: error }, `${this.#failure}; next attempt in ${pause / 1_000} s`);
    try {
      await retry(save, { ...pauses, clock, signal, onFailure, isFinal: () => false });
    } catch (reason) {
      throw givenUp(last ?? reason, signal);
    }
  }
}

/** The failure, with the note that its time is over. */
function givenUp(error: unknown, signal: AbortSignal): unknown {
  if (!(error instanceof NephoscopeError)) return error;
  return new NephoscopeError(error.code, `${error.message}; given up: ${describeError(signal.reason)}`, {
    cause: error.cause,
  });
}
