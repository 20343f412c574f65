import { formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';

/** The multiple of `interval` (ms) that `now` is at or after: the time of a cycle, on which all agents agree. */
export function cycleTime(now: bigint, interval: number): bigint {
  const nanoseconds = toNanoseconds(interval);
  return now - (((now % nanoseconds) + nanoseconds) % nanoseconds);
}

// setTimeout cannot wait longer than 2^31 ms, and what a jump of the wall clock changes must be noticed.
const longestSleep = 60_000;

/**
 * Resolves when the cycle of another time is due.
 *
 * @throws the signal's reason when it is aborted
 */
export async function untilNextCycle(
  clock: Clock,
  interval: number,
  time: bigint,
  signal: AbortSignal,
): Promise<void> {
  while (cycleTime(clock.now(), interval) === time) {
    const left = Number(time + toNanoseconds(interval) - clock.now()) / 1_000_000;
    await clock.sleep(Math.min(Math.max(1, Math.ceil(left)), longestSleep), signal);
  }
}

/** What an agent leaves in the lock: the time of the last cycle that is done. */
export function writeNote(time: bigint): Uint8Array {
  return Buffer.from(JSON.stringify({ cycle: formatTimestamp(time) }), 'utf8');
}

/** The time in a note; undefined for one that is empty, or of another making: then no cycle is known to be done. */
export function readNote(note: Uint8Array): bigint | undefined {
  try {
    const { cycle } = JSON.parse(Buffer.from(note).toString('utf8')) as { cycle: string };
    return parseTimestamp(cycle);
  } catch {
    return undefined;
  }
}

function toNanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000_000));
}
