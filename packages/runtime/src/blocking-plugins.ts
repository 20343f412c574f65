import { readFileSync } from 'node:fs';

import type { Clock } from '@nephoscope/core';
import { z } from 'zod';

import { pauseAfter } from './plugin-pause.js';

/**
 * Of plugins that ended the program, how often, when at last, ms since 1970, and whether that was while they were
 * imported: as the watchdog's thread notes it.
 */
const notes = z.record(
  z.string(),
  z.object({ times: z.int().min(1), last: z.number(), whileImported: z.boolean().default(false) }),
);

/** A plugin that ended the program and is to be left alone. */
export interface LeftAlone {
  readonly times: number;
  /** ms since 1970 */
  readonly last: number;
  /** It is not even to be imported. */
  readonly whileImported: boolean;
  /** Until then, on the monotonic clock. */
  readonly until: bigint;
}

/**
 * Says of a plugin, by its name, whether it is to be left alone since it ended the program before this start: for a
 * minute after the first time, for twice as long after each further one. A note that cannot be read is none.
 *
 * @param onUnreadable receives the error if the file exists and cannot be read
 */
export function blockingPlugins(
  note: string | undefined,
  clock: Clock,
  onUnreadable: (error: unknown) => void = () => undefined,
): (plugin: string) => LeftAlone | undefined {
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
