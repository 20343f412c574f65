import { readFileSync } from 'node:fs';

import type { Clock } from '@nephoscope/core';
import { z } from 'zod';

import { pauseAfter } from './plugin-pause.js';

/**
 * Plugins that ended the program: how often, when last (ms since 1970), and whether that was during their import. Written by
 * the watchdog's thread.
 */
const notes = z.record(
  z.string(),
  z.object({ times: z.int().min(1), last: z.number(), whileImported: z.boolean().default(false) }),
);

/** The suspension of a plugin that ended the program. */
export interface Suspension {
  readonly times: number;
  /** ms since 1970 */
  readonly last: number;
  /** Whether it must not be imported either. */
  readonly whileImported: boolean;
  /** Until then, on the monotonic clock. */
  readonly until: bigint;
}

/**
 * Returns the suspension of a plugin, by name, if it ended the program before this start: for a minute after the first
 * time, and for twice as long after each further one. An unreadable note counts as none.
 *
 * @param onUnreadable receives the error if the file exists and cannot be read
 */
export function blockingPlugins(
  note: string | undefined,
  clock: Clock,
  onUnreadable: (error: unknown) => void = () => undefined,
): (plugin: string) => Suspension | undefined {
  const known = note === undefined ? {} : read(note, onUnreadable);
  return (plugin) => {
    if (!Object.hasOwn(known, plugin)) return undefined;
    const { times, last, whileImported } = known[plugin]!;
    const pause = pauseAfter(times);
    // A clock that was set back does not prolong the suspension.
    const left = Math.min(pause, last + pause - Number(clock.now() / 1_000_000n));
    return left <= 0
      ? undefined
      : { times, last, whileImported, until: clock.monotonic() + BigInt(Math.ceil(left)) * 1_000_000n };
  };
}

function read(path: string, onUnreadable: (error: unknown) => void): z.output<typeof notes> {
  try {
    return notes.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onUnreadable(error);
    return {};
  }
}

/** How often and when last, in words. */
export function describeTimes({ times, last }: Suspension): string {
  return `${times === 1 ? 'once' : `${times} times`}, last at ${new Date(last).toISOString()}`;
}
