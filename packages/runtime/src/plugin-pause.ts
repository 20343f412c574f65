import { isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';

import { runPluginCode } from './plugin-code.js';

const firstPause = 60_000;
const longestPause = 3_600_000;

/** How long a plugin is suspended after it was interrupted or ended the program this many times, ms. */
export function pauseAfter(times: number): number {
  return Math.min(firstPause * 2 ** (times - 1), longestPause);
}

/** Suspends a plugin that was interrupted, each time for twice as long. */
export class Pause {
  #until: bigint | undefined;
  #times = 0;

  /** @param until on the monotonic clock, if it is suspended from the start */
  constructor(until?: bigint) {
    this.#until = until;
  }

  /** Whether it is suspended now. */
  isOn(clock: Clock): boolean {
    return this.#until !== undefined && clock.monotonic() < this.#until;
  }

  /** Returns its length, ms. */
  begin(clock: Clock): number {
    const ms = pauseAfter(++this.#times);
    this.#until = clock.monotonic() + BigInt(ms) * 1_000_000n;
    return ms;
  }

  end(): void {
    this.#until = undefined;
    this.#times = 0;
  }

  /**
   * Runs code of the plugin as {@link runPluginCode} does, unless it is suspended.
   *
   * @throws what the code throws; PLUGIN_BLOCKED if it is interrupted, and while it is suspended
   */
  run<T>(plugin: string, clock: Clock, work: () => T): T {
    if (this.isOn(clock)) throw suspended();
    let result: T;
    try {
      result = runPluginCode(plugin, work);
    } catch (error) {
      if (isNephoscopeError(error, 'PLUGIN_BLOCKED')) throw interrupted(this.begin(clock), error);
      this.end();
      throw error;
    }
    this.end();
    return result;
  }
}

/** The error while a plugin is suspended. */
export function suspended(): NephoscopeError {
  return new NephoscopeError('PLUGIN_BLOCKED', 'it blocked the program, and is not called for some time');
}

/** The error when a plugin was interrupted and is suspended for `ms`. */
export function interrupted(ms: number, cause: unknown): NephoscopeError {
  const text = `it blocked the program, was interrupted, and is not called for ${ms / 60_000} min`;
  return new NephoscopeError('PLUGIN_BLOCKED', text, { cause });
}
