import { NephoscopeError } from '@nephoscope/core';
import type { Total, TotalPart, Meter } from '@nephoscope/core';

import { maxCounters, counterReader, readPlugging } from './counter-reader.js';
import { isText } from './field-rules.js';
import { readMissing } from './missing-reader.js';

/** A total that is ours: nothing of it changes, whatever its plugin does later. */
export interface ReadTotal {
  readonly total: Total;
  /** About the bytes that its message takes. */
  readonly size: number;
}

export function isTotal(given: unknown): given is object {
  return typeof given === 'object' && given !== null && 'parts' in given;
}

/**
 * Reads a total that a plugin yields, as {@link counterReader} reads a counter.
 *
 * The function throws what that one throws, TOTAL_INVALID for parts that are none, and MISSING_INVALID.
 */
export function totalReader(meters: readonly Meter[]): (given: object) => ReadTotal {
  const readCounter = counterReader(meters);
  return (given) => {
    const { parts, whole } = given as Record<keyof Total, unknown>;
    const { counter, size } = readCounter(given, (whole ?? 0n) as number | bigint);
    const wrong = (what: string) =>
      new NephoscopeError('TOTAL_INVALID', `the total '${counter.name.slice(0, 100)}' ${what}`);
    if (counter.type !== 'cumulative') throw wrong(`is a ${counter.type}: only cumulative meters have totals`);
    if (!Array.isArray(parts) || parts.length > maxCounters)
      throw wrong(`is not made of a list of at most ${maxCounters} parts`);
    const keys = new Set<string>();
    const read = parts.map((part: unknown): TotalPart => {
      const { key, volume, plugging } = (part ?? {}) as Record<keyof TotalPart, unknown>;
      if (!isText(key) || keys.has(key))
        throw wrong('has two parts with one key, or a part without: name each device');
      keys.add(key);
      if (typeof volume === 'object')
        return { key, volume: readMissing(volume), plugging: readPlugging(plugging) };
      if (typeof volume !== 'bigint' && !Number.isFinite(volume))
        throw wrong(`has a part '${key.slice(0, 100)}' whose volume is not a finite number`);
      return { key, volume: volume as number | bigint, plugging: readPlugging(plugging) };
    });
    const { name, type, unit, userId, projectId, resourceId, timestamp, resourceMetadata } = counter;
    return {
      total: {
        name,
        type,
        unit,
        userId,
        projectId,
        resourceId,
        timestamp,
        resourceMetadata,
        parts: read,
        whole: whole === undefined ? undefined : counter.volume,
      },
      size,
    };
  };
}
