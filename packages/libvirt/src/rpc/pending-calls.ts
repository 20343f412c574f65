import { AbortError, TimeoutError } from '../errors.js';
import type { CallOptions } from '../types.js';
import type { Procedure } from './procedure.js';
import { LONGEST_TIMER } from './timeout.js';

/** A call that was sent; `abandoned` once the caller's wait has ended while the daemon still works on it. */
export interface PendingCall {
  readonly serial: number;
  readonly procedure: Procedure<never, unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timeout: number;
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  abandoned: { readonly answered: () => void } | undefined;
}

interface WatchedSignal {
  readonly listener: () => void;
  calls: number;
}

/**
 * The calls that wait for an answer, by serial. One timer serves all deadlines and one listener each
 * signal, since a cycle has thousands of calls that share both.
 *
 * An abandoned call is kept, so that its late answer is recognised.
 */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>();
  readonly #signals = new Map<AbortSignal, WatchedSignal>();
  #abandoned = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Infinity;
  #sweep: NodeJS.Immediate | undefined;

  /** Unanswered calls, given up or not. */
  get size(): number {
    return this.#calls.size;
  }

  /** Calls given up that are still unanswered. */
  get abandoned(): number {
    return this.#abandoned;
  }

  add(
    serial: number,
    procedure: Procedure<never, unknown>,
    options: Required<Pick<CallOptions, 'timeout'>> & CallOptions,
    resolve: (result: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const { timeout, signal } = options;
    const deadline = timeout === Infinity ? Infinity : performance.now() + timeout;
    this.#calls.set(serial, {
      serial,
      procedure,
      resolve,
      reject,
      timeout,
      deadline,
      signal,
      abandoned: undefined,
    });
    if (deadline < this.#timerDue) this.#arm(deadline);
    if (signal !== undefined) this.#watch(signal);
  }

  /** Removes and returns the call that an answer belongs to; undefined if there is none. */
  take(serial: number): PendingCall | undefined {
    const call = this.#calls.get(serial);
    if (call === undefined) return undefined;
    this.#calls.delete(serial);
    if (call.abandoned === undefined) {
      this.#unwatch(call);
    } else {
      this.#abandoned -= 1;
      call.abandoned.answered();
    }
    return call;
  }

  /** Ends the wait of every caller. Their answers are still expected until `clear`. */
  rejectAll(error: (call: PendingCall) => Error): void {
    for (const call of this.#calls.values()) {
      if (call.abandoned !== undefined) continue;
      void this.#abandon(call);
      call.reject(error(call));
    }
  }

  /** No answer will come any more. */
  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#sweep);
    for (const call of this.#calls.values()) call.abandoned?.answered();
    this.#calls.clear();
    this.#abandoned = 0;
    for (const [signal, { listener }] of this.#signals) signal.removeEventListener('abort', listener);
    this.#signals.clear();
  }

  /** Ends the caller's wait; resolves when the answer arrives or can no longer arrive. */
  #abandon(call: PendingCall): Promise<void> {
    this.#unwatch(call);
    this.#abandoned += 1;
    return new Promise((answered) => {
      call.abandoned = { answered };
    });
  }

  #arm(due: number): void {
    clearTimeout(this.#timer);
    this.#timerDue = due;
    const wait = Math.min(LONGEST_TIMER, Math.max(1, Math.ceil(due - performance.now())));
    // The sweep runs after the sockets were read once more: an answer that has arrived is in time, however long this
    // process was prevented from reading it.
    this.#timer = setTimeout(() => {
      this.#sweep = setImmediate(() => this.#expire());
    }, wait).unref();
  }

  #expire(): void {
    const now = performance.now();
    let next = Infinity;
    for (const call of this.#calls.values()) {
      if (call.abandoned !== undefined) continue;
      if (call.deadline <= now) {
        const late = this.#abandon(call);
        call.reject(new TimeoutError(call.procedure.name, call.timeout, late));
      } else if (call.deadline < next) {
        next = call.deadline;
      }
    }
    this.#timerDue = Infinity;
    if (next !== Infinity) this.#arm(next);
  }

  #watch(signal: AbortSignal): void {
    const watched = this.#signals.get(signal);
    if (watched !== undefined) {
      watched.calls += 1;
      return;
    }
    const listener = (): void => this.#aborted(signal);
    signal.addEventListener('abort', listener);
    this.#signals.set(signal, { listener, calls: 1 });
  }

  #unwatch({ signal }: PendingCall): void {
    const watched = signal && this.#signals.get(signal);
    if (!signal || !watched) return;
    watched.calls -= 1;
    if (watched.calls > 0) return;
    signal.removeEventListener('abort', watched.listener);
    this.#signals.delete(signal);
  }

  #aborted(signal: AbortSignal): void {
    for (const call of this.#calls.values()) {
      if (call.signal !== signal || call.abandoned !== undefined) continue;
      const late = this.#abandon(call);
      call.reject(new AbortError(call.procedure.name, late, signal.reason));
    }
  }
}
