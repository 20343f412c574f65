import type { Clock } from '@nephoscope/core';
import { Observable } from 'rxjs';

/**
 * Which groups are due: all at once first, then each at the multiples of its interval on the wall clock,
 * so that agents read at the same moments whenever they were started. Never completes; errors only when a
 * clock does.
 */
export function schedule<G extends { readonly interval: number }>(groups: readonly G[], clock: Clock): Observable<readonly G[]> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      const due = new Map(groups.map((group) => [group, nextMultiple(clock, group.interval)]));
      subscriber.next(groups);
      while (!signal.aborted) {
        const next = Math.min(...due.values());
        // Again until it is really time: a timer may fire early, and the wall clock may be set back.
        for (let wait = next - milliseconds(clock); wait > 0 && !signal.aborted; wait = next - milliseconds(clock)) {
          await clock.sleep(Math.min(wait, longestSleep), signal);
        }
        const now = milliseconds(clock);
        const ready = groups.filter((group) => (due.get(group) as number) <= now);
        for (const group of ready) due.set(group, nextMultiple(clock, group.interval));
        subscriber.next(ready);
      }
    };
    run().catch((error: unknown) => {
      if (!signal.aborted) subscriber.error(error);
    });
    return () => controller.abort();
  });
}

// setTimeout cannot wait longer than 2^31 ms, and after a jump of the wall clock nobody should wait for days.
const longestSleep = 60_000;

function milliseconds(clock: Clock): number {
  return Number(clock.now() / 1_000_000n);
}

function nextMultiple(clock: Clock, interval: number): number {
  return (Math.floor(milliseconds(clock) / interval) + 1) * interval;
}
