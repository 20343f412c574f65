import type { DeadLetter, DeadLetterVerdict } from '@nephoscope/core/message-bus';

/** A dead letter and its reason. */
export interface MemoryDeadLetter extends DeadLetter {
  readonly queue: string;
  readonly reason: string;
}

/** Number of dead letters that are kept. */
const limit = 1_000;

/** The dead letters of all queues of one process, the latest thousand. */
export class MemoryDeadLetters {
  /** Oldest first. */
  readonly deadLetters: MemoryDeadLetter[] = [];

  keep(deadLetter: MemoryDeadLetter): void {
    this.deadLetters.push(deadLetter);
    this.#forgetOldest();
  }

  /**
   * Visits the current dead letters of one queue; meanwhile they are not in `deadLetters`.
   *
   * @param replay resolves when the queue has the message
   * @throws what `decide`, `replay` and `signal` throw; that dead letter and those after it stay
   */
  async sweep(
    queue: string,
    decide: (deadLetter: DeadLetter) => DeadLetterVerdict | Promise<DeadLetterVerdict>,
    replay: (deadLetter: DeadLetter) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Record<DeadLetterVerdict, number>> {
    const counts = { keep: 0, replay: 0, drop: 0 };
    const found = this.deadLetters.filter((deadLetter) => deadLetter.queue === queue);
    this.deadLetters.splice(0, Infinity, ...this.deadLetters.filter((deadLetter) => deadLetter.queue !== queue));
    const staying = new Set(found);
    const replays: Promise<void>[] = [];
    const failed = new AbortController();
    const over = AbortSignal.any([signal, failed.signal]);
    try {
      for (const deadLetter of found) {
        over.throwIfAborted();
        const verdict = await decide(deadLetter);
        over.throwIfAborted();
        const settled = () => {
          if (verdict !== 'keep') staying.delete(deadLetter);
          counts[verdict]++;
        };
        if (verdict !== 'replay') settled();
        else replays.push(replay(deadLetter).then(settled, (error) => failed.abort(error)));
      }
    } finally {
      await Promise.all(replays);
      this.deadLetters.unshift(...staying);
      this.#forgetOldest();
    }
    failed.signal.throwIfAborted();
    return counts;
  }

  #forgetOldest(): void {
    this.deadLetters.splice(0, this.deadLetters.length - limit);
  }
}
