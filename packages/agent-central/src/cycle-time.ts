import { formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';

/** The identity of a cycle, the same for all agents: repeating it gives the same samples. */
export interface Cycle {
  /** ns since 1970 UTC */
  readonly time: bigint;
  /** How often the wall clock was set back before, so that a repeated time is a different cycle. */
  readonly stepsBack: number;
}

/** The latest multiple of `interval` (ms) that is not after `now`: the time of a cycle, the same for all agents. */
export function cycleTime(now: bigint, interval: number): bigint {
  const nanoseconds = toNanoseconds(interval);
  return now - (((now % nanoseconds) + nanoseconds) % nanoseconds);
}

/** The name of a cycle, from which the ids of its samples are derived. */
export function cycleName({ time, stepsBack }: Cycle): string {
  return stepsBack === 0 ? formatTimestamp(time) : `${formatTimestamp(time)} after ${stepsBack} steps back`;
}

// setTimeout cannot wait longer than 2^31 ms, and steps of the wall clock must be noticed.
const longestSleep = 60_000;
// Assumed maximum difference between two agents' clocks: an agent behind by less waits, and reads nothing twice.
const longestSkew = 60_000;

/**
 * Resolves with the cycle after `last` when it is due. If the wall clock was set back, that is a cycle of the time it shows now.
 *
 * @param began when this agent began its last cycle, on the monotonic clock, so that a clock set back repeatedly causes no burst
 * @throws the signal's reason when it is aborted
 */
export async function nextCycle(
  clock: Clock,
  interval: number,
  last: Cycle | undefined,
  began: bigint | undefined,
  signal: AbortSignal,
): Promise<Cycle> {
  for (;;) {
    signal.throwIfAborted();
    const now = clock.now();
    const time = cycleTime(now, interval);
    if (last === undefined) return { time, stepsBack: 0 };
    if (time > last.time) return { time, stepsBack: last.stepsBack };
    let left = Number(last.time + toNanoseconds(interval) - now) / 1_000_000;
    if (now < last.time - toNanoseconds(Math.min(interval, longestSkew))) {
      left = began === undefined ? 0 : interval / 2 - Number(clock.monotonic() - began) / 1_000_000;
      if (left <= 0) return { time, stepsBack: last.stepsBack + 1 };
    }
    await clock.sleep(Math.min(Math.max(1, Math.ceil(left)), longestSleep), signal);
  }
}

/** The note in the lock: the last completed cycle. */
export function writeNote({ time, stepsBack }: Cycle): Uint8Array {
  return Buffer.from(JSON.stringify({ cycle: formatTimestamp(time), turn: stepsBack }), 'utf8');
}

/**
 * The cycle in a note, also of an older agent; undefined if the note is empty or foreign, in which case no cycle is known to
 * be complete.
 */
export function readNote(note: Uint8Array): Cycle | undefined {
  try {
    const { cycle, turn: stepsBack = 0 } = JSON.parse(Buffer.from(note).toString('utf8')) as {
      cycle: string;
      turn?: unknown;
    };
    if (typeof stepsBack !== 'number' || !Number.isSafeInteger(stepsBack) || stepsBack < 0) return undefined;
    return { time: parseTimestamp(cycle), stepsBack };
  } catch {
    return undefined;
  }
}

function toNanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000_000));
}
