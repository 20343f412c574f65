import { describeError, NephoscopeError, meterStem } from '@nephoscope/core';
import type { Counter, Plugging, Meter } from '@nephoscope/core';

import { isStorableTime, isText, isTextOrNull, maxMeteringLineBytes } from './field-rules.js';
import { isDeepFrozen, ownMetadata } from './metadata.js';

/** Counters of one plugin for one resource, and a notification's, are at most so many. */
export const maxCounters = 10_000;

// The images of a long chain.
const maxMarks = 1_000;
const longestMark = 100;

/** A counter that is ours: nothing of it changes, whatever its plugin does later. */
export interface ReadCounter {
  readonly counter: Counter;
  /** About the bytes that its message takes. */
  readonly size: number;
}

/**
 * Reads what a plugin yields: each field once, checked by its kind and the plugin's own table, the metadata copied
 * unless they cannot change. What a text may hold is checked where it is signed.
 *
 * The function takes the volume from its second argument where there is one. It throws METER_UNDECLARED for a meter
 * that is not in the table with this type and unit, METER_VOLUME, and COUNTER_INVALID for all else that cannot be sent.
 */
export function counterReader(meters: readonly Meter[]): (given: unknown, own?: number | bigint) => ReadCounter {
  const byStem = new Map(meters.map((meter) => [meterStem(meter.name), meter]));
  return (given, own) => {
    if (typeof given !== 'object' || given === null)
      throw invalid(`a counter is an object, and not ${describeError(given).slice(0, 60)}`);
    const { name, type, unit, userId, projectId, resourceId, timestamp, resourceMetadata, plugging } =
      given as Record<keyof Counter, unknown>;
    const volume = own ?? (given as Record<keyof Counter, unknown>).volume;
    if (!isText(name)) throw invalid('a counter has no name');
    const meter = byStem.get(meterStem(name));
    if (meter === undefined || meter.type !== type || meter.unit !== unit || name.endsWith(':'))
      throw new NephoscopeError(
        'METER_UNDECLARED',
        `the counter '${name.slice(0, 100)}' is not in the plugin's table with this type and unit: add it to 'meters'`,
      );
    const wrong = (what: string) => invalid(`the counter '${name.slice(0, 100)}' has ${what}`);
    if (typeof volume !== 'bigint' && !Number.isFinite(volume))
      throw new NephoscopeError(
        'METER_VOLUME',
        `the volume of '${name.slice(0, 100)}' for '${describeError(resourceId).slice(0, 100)}' is ${describeError(volume).slice(0, 60)}: a volume is a finite number, and a missing figure is not sent`,
      );
    if (type === 'cumulative' && (volume as number | bigint) < 0)
      throw wrong(`the volume ${volume as number | bigint}: a cumulative counter counts up from 0`);
    if (!isText(resourceId)) throw wrong('no resource id');
    if (!isTextOrNull(userId)) throw wrong('a user id that is neither text nor null');
    if (!isTextOrNull(projectId)) throw wrong('a project id that is neither text nor null');
    if (typeof timestamp !== 'bigint' || !isStorableTime(timestamp))
      throw wrong('a timestamp that is not a bigint of nanoseconds since 1970, in the years 1678 to 2262');
    const metadata = ownMetadata(resourceMetadata);
    const size =
      name.length + resourceId.length + (userId ?? '').length + (projectId ?? '').length + metadata.size;
    if (size > maxMeteringLineBytes)
      throw invalid(
        `the counter '${name.slice(0, 100)}' makes a message of more than ${maxMeteringLineBytes} bytes`,
      );
    return {
      counter: {
        name,
        type: meter.type,
        unit: meter.unit,
        volume: volume as number | bigint,
        userId,
        projectId,
        resourceId,
        timestamp,
        resourceMetadata: metadata.value,
        plugging: readPlugging(plugging),
      },
      size,
    };
  };
}

// Of those that cannot change: a device's stay the same through many cycles.
const knownPluggings = new WeakMap<object, Plugging>();

/**
 * The marks as ours, the same list each time for one that cannot change.
 *
 * @throws COUNTER_INVALID
 */
export function readPlugging(given: unknown): Plugging | undefined {
  if (given === undefined) return undefined;
  const known = knownPluggings.get(given as object);
  if (known !== undefined) return known;
  if (!Array.isArray(given) || given.length > maxMarks || !given.every(isText))
    throw invalid(`a plugging is a list of at most ${maxMarks} texts that mark it`);
  const marks = Object.freeze(given.map((mark) => String(mark).slice(0, longestMark)));
  if (isDeepFrozen(given)) knownPluggings.set(given, marks);
  return marks;
}

function invalid(what: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', what);
}
