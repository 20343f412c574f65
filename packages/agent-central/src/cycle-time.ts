import { formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';

/** The identity of a cycle, the same for all agents: repeating it gives the same samples. */
export interface Cycle {
  /** ns since 1970 UTC */
  readonly time: bigint;
  /** How often the wall clock was set back before: a repeated time is then a different cycle. */
  readonly turn: number;
}

/** The multiple of `interval` (ms) that `now` is at or after: the time of a cycle, on which all agents agree. */
export function cycleTime(now: bigint, interval: number): bigint {
  const nanoseconds = toNanoseconds(interval);
  return now - (((now % nanoseconds) + nanoseconds) % nanoseconds);
}

/** The name of a cycle, of which its samples have their ids. */
export function cycleName({ time, turn }: Cycle): string {
  return turn === 0 ? formatTimestamp(time) : `${formatTimestamp(time)} after ${turn} steps back`;
}

// setTimeout cannot wait longer than 2^31 ms, and what a jump of the wall clock changes must be noticed.
const longestSleep = 60_000;
// Assumed maximum difference between two agents' clocks: an agent behind by less waits, and reads nothing twice.
const longestSkew = 60_000;

/**
 * Resolves with the cycle after `last` when it is due. After a step back of the wall clock that is one of the time
 * that it shows then.
 *
 * @param began when the last one began here, by the monotonic clock: a clock that is set back again and again makes no
 * burst
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
    if (last === undefined) return { time, turn: 0 };
    if (time > last.time) return { time, turn: last.turn };
    let left = Number(last.time + toNanoseconds(interval) - now) / 1_000_000;
    if (now < last.time - toNanoseconds(Math.min(interval, longestSkew))) {
      left = began === undefined ? 0 : interval / 2 - Number(clock.monotonic() - began) / 1_000_000;
      if (left <= 0) return { time, turn: last.turn + 1 };
    }
    await clock.sleep(Math.min(Math.max(1, Math.ceil(left)), longestSleep), signal);
  }
}

/** The note in the lock: the last completed cycle. */
export function writeNote({ time, turn }: Cycle): Uint8Array {
  return Buffer.from(JSON.stringify({ cycle: formatTimestamp(time), turn }), 'utf8');
}

/**
 * The cycle in a note, of an agent of the version before too; undefined for one that is empty, or of another making:
 * then no cycle is known to be done.
 */
export function readNote(note: Uint8Array): Cycle | undefined {
  try {
    const { cycle, turn = 0 } = JSON.parse(Buffer.from(note).toString('utf8')) as {
      cycle: string;
      turn?: unknown;
    };
    if (typeof turn !== 'number' || !Number.isSafeInteger(turn) || turn < 0) return undefined;
    return { time: parseTimestamp(cycle), turn };
  } catch {
    return undefined;
  }
}

function toNanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000_000));
}
