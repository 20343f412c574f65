import { isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';

import { runPluginCode } from './plugin-code.js';

const firstPause = 60_000;
const longestPause = 3_600_000;

/** How long a plugin is left alone after it was cut off, or ended the program, so often, ms. */
export function pauseAfter(times: number): number {
  return Math.min(firstPause * 2 ** (times - 1), longestPause);
}

/** A plugin that was cut off is left alone for a time, which doubles as long as it stays so. */
export class Pause {
  #until: bigint | undefined;
  #times = 0;

  /** @param until on the monotonic clock, if it is suspended from the start */
  constructor(until?: bigint) {
    this.#until = until;
  }

  /** Whether it is to be left alone now. */
  isOn(clock: Clock): boolean {
    return this.#until !== undefined && clock.monotonic() < this.#until;
  }

  /** Gives its length, ms. */
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
   * Runs code of the plugin as {@link runPluginCode} does, unless it is to be left alone.
   *
   * @throws what the code throws; PLUGIN_BLOCKED when it is cut off, and while it is left alone for that
   */
  run<T>(plugin: string, clock: Clock, work: () => T): T {
    if (this.isOn(clock)) throw leftAlone();
    let result: T;
    try {
      result = runPluginCode(plugin, work);
    } catch (error) {
      if (isNephoscopeError(error, 'PLUGIN_BLOCKED')) throw cutOff(this.begin(clock), error);
      this.end();
      throw error;
    }
    this.end();
    return result;
  }
}

/** Why a plugin is not called now. */
export function leftAlone(): NephoscopeError {
  return new NephoscopeError('PLUGIN_BLOCKED', 'it kept the program to itself, and is not called for some time');
}

/** Why a plugin is not called for so many milliseconds. */
export function cutOff(ms: number, cause: unknown): NephoscopeError {
  const text = `it kept the program to itself, was cut off, and is not called for ${ms / 60_000} min`;
  return new NephoscopeError('PLUGIN_BLOCKED', text, { cause });
}
