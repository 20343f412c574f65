import type { Clock } from '@nephoscope/core';
import { Observable } from 'rxjs';

// setTimeout cannot wait longer than 2^31 ms, and what a jump of the wall clock changes must be noticed.
const longestSleep = 60_000;

/** What is due, when it is due. An rxjs Observable, of which those outside need no more than this. */
export interface Schedule<G> {
  subscribe(observer: {
    readonly next?: (due: readonly G[]) => void;
    readonly error?: (error: unknown) => void;
  }): { unsubscribe(): void };
}

/**
 * Which groups, each with an interval in ms, are due: all at once first, then each at the multiples of its interval on the wall clock,
 * so that agents read at the same moments whenever they were started. After a jump of the wall clock a group
 * is due at the next multiple from there. Never completes; errors only when the clock does.
 */
export function schedule<G extends { readonly interval: number }>(
  groups: readonly G[],
  clock: Clock,
): Schedule<G> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      const due = new Map(groups.map((group) => [group, nextMultiple(milliseconds(clock), group.interval)]));
      subscriber.next(groups);
      while (!signal.aborted) {
        const wait = Math.min(...due.values()) - milliseconds(clock);
        if (wait > 0) await clock.sleep(Math.min(wait, longestSleep), signal);
        const now = milliseconds(clock);
        const ready: G[] = [];
        for (const [group, at] of due) {
          const isReady = at <= now;
          if (isReady) ready.push(group);
          const next = nextMultiple(now, group.interval);
          // The same as `at` unless it is ready or the clock was set back.
          due.set(group, isReady ? next : Math.min(at, next));
        }
        if (ready.length > 0) subscriber.next(ready);
      }
    };
    run().catch((error: unknown) => {
      if (!signal.aborted) subscriber.error(error);
    });
    return () => controller.abort();
  });
}

function milliseconds(clock: Clock): number {
  return Number(clock.now() / 1_000_000n);
}

/** The first multiple of `interval` after `now`. */
function nextMultiple(now: number, interval: number): number {
  return (Math.floor(now / interval) + 1) * interval;
}
