import { describeError, meterStem, NephoscopeError } from '@nephoscope/core';
import type { Counter, Meter, Missing } from '@nephoscope/core';
import { isStorableTime, maxMeteringLineBytes } from '@nephoscope/message';

// Replies of plugins are read as if they came from another process: each field once, unknown keys refused, and
// nothing kept that the plugin could change later.

/** Maximum number of counters of one plugin for one resource, and for a notification. */
export const maxCounters = 10_000;

/** A copied counter, which the plugin cannot change. */
export interface ReadCounter<C extends Counter = Counter> {
  readonly counter: C;
  /** Approximate size of its message in bytes. */
  readonly size: number;
}

/** A figure that could not be read. */
export interface MissingFigure {
  /** Of the meter. */
  readonly name: string;
  readonly resourceId: string;
  readonly reason: Missing;
}

/**
 * The fields of an item of a reply.
 *
 * @throws COUNTER_INVALID for anything but a plain object, and for other keys than these
 */
export function fieldsOf(given: unknown, keys: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  if (typeof given !== 'object' || given === null)
    throw invalid(`a counter is an object, and not ${describeError(given).slice(0, 60)}`);
  if (!isPlainObject(given)) throw invalid('a counter is a plain object, and not one of a class');
  // Unlike Object.keys this allocates nothing; a plain object inherits no keys, except in a realm that was tampered
  // with.
  for (const key in given)
    if (!keys.has(key) && Object.hasOwn(given, key))
      throw invalid(`a counter has ${[...keys].join(', ')}, and nothing named '${key.slice(0, 60)}'`);
  return given;
}

/** An object without a class, of any realm: its Object.prototype is the one without a prototype. */
export function isPlainObject(given: unknown): given is Readonly<Record<string, unknown>> {
  if (typeof given !== 'object' || given === null) return false;
  const prototype = Object.getPrototypeOf(given) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Finds the declaration of a meter in a plugin's table; the function throws METER_UNDECLARED. */
export function meterTable(meters: readonly Meter[]): (name: unknown) => Meter {
  const byStem = new Map(meters.map((meter) => [meterStem(meter.name), meter]));
  return (name) => {
    // Most names are in the table themselves.
    const meter = byStem.get(name as string) ?? (isText(name) ? byStem.get(meterStem(name)) : undefined);
    if (meter !== undefined && !(name as string).endsWith(':')) return meter;
    throw new NephoscopeError(
      'METER_UNDECLARED',
      `the meter '${describeError(name).slice(0, 100)}' is not in the plugin's table: add it to 'meters'`,
    );
  };
}

/** @throws METER_VOLUME, COUNTER_INVALID */
export function checkVolume(
  volume: unknown,
  { type }: Meter,
  name: string,
  resourceId: unknown,
): asserts volume is number | bigint {
  if (typeof volume !== 'bigint' && !Number.isFinite(volume))
    throw new NephoscopeError(
      'METER_VOLUME',
      `the volume of '${name.slice(0, 100)}' for '${describeError(resourceId).slice(0, 100)}' is ${describeError(volume).slice(0, 60)}: a volume is a finite number, or the reason why it is missing`,
    );
  if (type === 'cumulative' && (volume as number | bigint) < 0)
    throw wrong(name, `the volume ${volume as number | bigint}: a cumulative counter counts up from 0`);
}

/** @throws COUNTER_INVALID */
export function checkResourceId(resourceId: unknown, name: string): asserts resourceId is string {
  if (!isText(resourceId)) throw wrong(name, 'no resource id');
}

/** @throws COUNTER_INVALID */
export function checkOwner(
  owner: unknown,
  what: 'user' | 'project',
  name: string,
): asserts owner is string | null {
  if (typeof owner !== 'string' && owner !== null) throw wrong(name, `a ${what} id that is neither text nor null`);
}

/** @throws COUNTER_INVALID */
export function checkTimestamp(timestamp: unknown, name: string): asserts timestamp is bigint {
  if (typeof timestamp !== 'bigint' || !isStorableTime(timestamp))
    throw wrong(name, 'a timestamp that is not a bigint of nanoseconds since 1970, in the years 1678 to 2262');
}

/**
 * Approximate size in bytes of a message with these texts, and metadata of this size.
 *
 * @throws COUNTER_INVALID if they do not fit into a message
 */
export function sizeOf(name: string, resourceId: string, owners: number, metadata: number): number {
  const size = name.length + resourceId.length + owners + metadata;
  if (size > maxMeteringLineBytes)
    throw invalid(
      `the counter '${name.slice(0, 100)}' makes a message of more than ${maxMeteringLineBytes} bytes`,
    );
  return size;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function wrong(name: string, what: string): NephoscopeError {
  return invalid(`the counter '${name.slice(0, 100)}' has ${what}`);
}

export function invalid(what: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', what);
}
