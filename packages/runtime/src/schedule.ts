import type { Clock } from '@nephoscope/core';
import { Observable } from 'rxjs';

// setTimeout cannot wait longer than 2^31 ms, and steps of the wall clock must be noticed.
const longestSleep = 60_000;

/** Minimum time between two due times of a group, as a share of its interval, whatever the wall clock does. */
const shortest = 1 / 2;
export const longestInterval = 2;

interface State<G> {
  readonly group: G;
  /** ms on the wall clock */
  due: number;
  /** ms on the monotonic clock */
  earliest: number;
  latest: number;
}

/** Emits each group when it is due: the part of an rxjs Observable that callers need. */
export interface Schedule<G> {
  subscribe(observer: {
    readonly next?: (due: readonly G[]) => void;
    readonly error?: (error: unknown) => void;
  }): { unsubscribe(): void };
}

/**
 * Emits the groups that are due, each with an interval in ms: all at once first, then each at the multiples of its
 * interval on the wall clock, so that agents read at the same times whenever they were started. After a step of the
 * wall clock a group is due at the next multiple from there, but no earlier than half an interval and no later than
 * two after the last time, however often the clock is set; the same applies to the second time after the first. Never
 * completes; fails only if the clock does.
 *
 * @param onMissed called with the number of due times that were skipped while the process did nothing, and how long
 *   that was, ms. It is called before the groups that are due then.
 */
export function schedule<G extends { readonly interval: number }>(
  groups: readonly G[],
  clock: Clock,
  onMissed: (times: number, ms: number) => void = () => undefined,
): Schedule<G> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      const started = milliseconds(clock.monotonic());
      const states = groups.map((group): State<G> => ({
        group,
        due: nextMultiple(milliseconds(clock.now()), group.interval),
        earliest: started + shortest * group.interval,
        latest: started + longestInterval * group.interval,
      }));
      subscriber.next(groups);
      while (!signal.aborted) {
        const [from, since] = [milliseconds(clock.now()), milliseconds(clock.monotonic())];
        const wait = Math.min(...states.map(({ due, latest }) => Math.min(due - from, latest - since)));
        const sleep = Math.max(0, Math.min(wait, longestSleep));
        if (sleep > 0) await clock.sleep(sleep, signal);
        const [now, elapsed] = [milliseconds(clock.now()), milliseconds(clock.monotonic())];
        const times = missed(states, from, from + elapsed - since);
        if (times > 0) onMissed(times, elapsed - since - sleep);
        const ready: G[] = [];
        for (const state of states) {
          const { due, earliest, group, latest } = state;
          const { interval } = group;
          const isOver = due <= now;
          if ((isOver && elapsed >= earliest) || elapsed >= latest) {
            ready.push(group);
            // A smaller delay is not caused by a clock step, so the next one is unaffected.
            const last = elapsed - (isOver && now - due < interval ? now - due : 0);
            state.earliest = last + shortest * interval;
            state.latest = last + longestInterval * interval;
          }
          const next = nextMultiple(now, interval);
          // The same as before unless it is over or the clock was set back.
          state.due = isOver ? next : Math.min(due, next);
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

/**
 * How many due times there were from `from` to `to`, except the last one of each group, which is not too late. The
 * time is that of the wall clock as if it had not been set.
 */
function missed<G extends { readonly interval: number }>(
  states: readonly State<G>[],
  from: number,
  to: number,
): number {
  const times = new Set<number>();
  for (const { due, group } of states)
    for (let time = Math.max(due, from); time + group.interval <= to; time += group.interval) times.add(time);
  return times.size;
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

/** The first multiple of `interval` after `now`. */
function nextMultiple(now: number, interval: number): number {
  return (Math.floor(now / interval) + 1) * interval;
}
