import { Backoff } from '@nephoscope/async';
import type { Clock, Health } from '@nephoscope/core';

/** Pause between new channels, ms. */
const firstPause = 1_000;
const longestPause = 10_000;

/** After this long without a refusal, ms, nothing is being published any more. */
const memory = 120_000;

interface Refusal {
  readonly since: string;
  count: number;
  at: bigint;
  /** Nothing has happened since the refusal that may have ended it. */
  holds: boolean;
}

/**
 * Which exchanges and queues refuse messages while the broker is reachable, since when, and when to open another
 * channel.
 */
export class Refusals {
  readonly #clock: Clock;
  readonly #backoff = new Backoff(firstPause, longestPause);
  readonly #refusals = new Map<string, Refusal>();
  #nextChannelAt: bigint | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns the text to report. */
  refused(target: string): string {
    const at = this.#clock.monotonic();
    const refusal = this.#refusals.get(target) ?? { since: now(this.#clock), count: 0, at, holds: true };
    refusal.count += 1;
    refusal.at = at;
    refusal.holds = true;
    this.#refusals.set(target, refusal);
    this.#nextChannelAt ??= at + nanoseconds(this.#backoff.next());
    return textOf(target, refusal);
  }

  taken(target: string): void {
    if (this.#refusals.size === 0 || !this.#refusals.delete(target) || this.#refusals.size > 0) return;
    this.#nextChannelAt = undefined;
    this.#backoff.reset();
  }

  /** The refusal may be over by now: it is not reported until it happens again. */
  doubt(): void {
    for (const refusal of this.#refusals.values()) refusal.holds = false;
  }

  /** Whether to publish on another channel next. */
  callForChannel(): boolean {
    const now = this.#clock.monotonic();
    if (this.#nextChannelAt === undefined || now < this.#nextChannelAt) return false;
    this.#nextChannelAt = now + nanoseconds(this.#backoff.next());
    return true;
  }

  health(): Health {
    for (const [target, refusal] of this.#refusals) {
      if (refusal.holds && this.#clock.monotonic() - refusal.at < nanoseconds(memory))
        return { ok: false, reason: textOf(target, refusal) };
    }
    return { ok: true };
  }
}

/** For the log. */
export function now(clock: Clock): string {
  return new Date(Number(clock.now() / 1_000_000n)).toISOString();
}

function textOf(target: string, { since, count }: Refusal): string {
  return (
    `RabbitMQ refuses messages for ${target} since ${since} (${count} by now): is a queue full, by a policy with ` +
    '`max-length` and `reject-publish`? Its log and `rabbitmqctl list_queues name messages policy` say more'
  );
}

function nanoseconds(ms: number): bigint {
  return BigInt(ms) * 1_000_000n;
}
