import { NephoscopeError } from '@nephoscope/core';
import type { Leadership } from '@nephoscope/core/message-bus';

interface Request {
  readonly resolve: (lock: Leadership) => void;
  readonly reject: (error: Error) => void;
}

/** A lock within one process, granted in the order of the requests. */
export class MemoryLock {
  readonly #name: string;
  readonly #waiting = new Set<Request>();
  #holder: AbortController | undefined;
  #note: Uint8Array = new Uint8Array();

  constructor(name: string) {
    this.#name = name;
  }

  /** Resolves when the lock is granted; rejects with the signal's reason. */
  async lead(signal: AbortSignal): Promise<Leadership> {
    signal.throwIfAborted();
    let abort: () => void = () => undefined;
    try {
      return await new Promise<Leadership>((resolve, reject) => {
        const request = { resolve, reject };
        abort = () => {
          this.#waiting.delete(request);
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', abort, { once: true });
        this.#waiting.add(request);
        this.#grantNext();
      });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ends the lock for its holder and all waiters. */
  close(reason: NephoscopeError): void {
    for (const { reject } of this.#waiting) reject(reason);
    this.#waiting.clear();
    this.#holder?.abort(reason);
    this.#holder = undefined;
  }

  #grantNext(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#holder !== undefined) return;
    this.#waiting.delete(next);
    const lost = new AbortController();
    this.#holder = lost;
    next.resolve({
      note: this.#note,
      lost: lost.signal,
      saveNote: async (note) => {
        lost.signal.throwIfAborted();
        this.#note = Uint8Array.from(note);
      },
      release: async () => {
        if (lost.signal.aborted) return;
        lost.abort(
          new NephoscopeError('BUS_UNAVAILABLE', `the lock '${this.#name}' is no longer held: it was given up`),
        );
        this.#holder = undefined;
        this.#grantNext();
      },
    });
  }
}
