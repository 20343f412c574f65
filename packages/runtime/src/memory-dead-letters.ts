import type { DeadLetter, DeadLetterVerdict } from '@nephoscope/core/message-bus';

/** A message that a consumer set aside, and why. */
export interface MemoryDeadLetter extends DeadLetter {
  readonly queue: string;
  readonly reason: string;
}

/** Dead letters that are kept. */
const limit = 1_000;

/** The dead letters of all queues of one process, the latest thousand. */
export class MemoryDeadLetters {
  /** Oldest first. */
  readonly letters: MemoryDeadLetter[] = [];

  keep(letter: MemoryDeadLetter): void {
    this.letters.push(letter);
    this.#forgetOldest();
  }

  /**
   * Goes through those of one queue that are there now; meanwhile they are not in `letters`.
   *
   * @param replay resolves when the queue has the message
   * @throws what `decide`, `replay` and `signal` throw; that letter and those after it stay
   */
  async sweep(
    queue: string,
    decide: (letter: DeadLetter) => DeadLetterVerdict | Promise<DeadLetterVerdict>,
    replay: (letter: DeadLetter) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Record<DeadLetterVerdict, number>> {
    const counts = { keep: 0, replay: 0, drop: 0 };
    const found = this.letters.filter((letter) => letter.queue === queue);
    this.letters.splice(0, Infinity, ...this.letters.filter((letter) => letter.queue !== queue));
    const staying = new Set(found);
    const replays: Promise<void>[] = [];
    const failed = new AbortController();
    const over = AbortSignal.any([signal, failed.signal]);
    try {
      for (const letter of found) {
        over.throwIfAborted();
        const verdict = await decide(letter);
        over.throwIfAborted();
        const settled = () => {
          if (verdict !== 'keep') staying.delete(letter);
          counts[verdict]++;
        };
        if (verdict !== 'replay') settled();
        else replays.push(replay(letter).then(settled, (error) => failed.abort(error)));
      }
    } finally {
      await Promise.all(replays);
      this.letters.unshift(...staying);
      this.#forgetOldest();
    }
    failed.signal.throwIfAborted();
    return counts;
  }

  #forgetOldest(): void {
    this.letters.splice(0, this.letters.length - limit);
  }
}
