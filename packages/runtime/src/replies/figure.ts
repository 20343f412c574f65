import { NephoscopeError } from '@nephoscope/core';
import type { Counter, Figure, Instance, Meter, Plugging, Total, TotalPart } from '@nephoscope/core';

import { checkResourceId, checkVolume, fieldsOf, isText, maxCounters, meterTable, sizeOf } from './item.js';
import type { Gap, ReadCounter } from './item.js';
import type { KnownResource, KnownResources } from './known-resources.js';
import { readMissing } from './missing.js';
import { readPlugging } from './plugging.js';

/** A counter, and what names the plugging of its device. */
export interface PolledCounter extends Counter {
  readonly plugging?: Plugging | undefined;
}

/** A counter in parts, of which the agent makes the volume. */
export interface PolledTotal extends Omit<Counter, 'volume'>, Pick<Total, 'parts' | 'whole'> {}

export type PolledGap = Gap;

/** An item of a compute pollster's reply, as ours. */
export type ReadFigure =
  | ReadCounter<PolledCounter>
  | { readonly total: PolledTotal; readonly size: number }
  | { readonly gap: PolledGap };

/** What is known of a poll beside its reply. */
interface Polled {
  readonly instance: Instance;
  /** The moment of the reading. */
  readonly readAt: bigint;
  /** The poll has begun. */
  readonly resources: KnownResources;
}

const figureKeys: ReadonlySet<string> = new Set<keyof Figure>([
  'meter',
  'volume',
  'resourceId',
  'metadata',
  'plugging',
]);
const totalKeys: ReadonlySet<string> = new Set<keyof Total>(['meter', 'parts', 'whole', 'resourceId', 'metadata']);
const partKeys: ReadonlySet<string> = new Set<keyof TotalPart>(['key', 'volume', 'plugging']);

/**
 * Reads the items of a compute pollster's replies, and adds what the plugin's table says of their meters, and what is known
 * of the instance. What a text may hold is checked where it is signed.
 *
 * The function throws METER_UNDECLARED for a meter that is not in the table, METER_VOLUME, MISSING_INVALID, TOTAL_INVALID, and
 * COUNTER_INVALID for all else that cannot be sent.
 */
export function figureReader(meters: readonly Meter[]): (given: unknown, polled: Polled) => ReadFigure {
  const meterOf = meterTable(meters);
  return (given, { instance, readAt, resources }) => {
    const isTotal = typeof given === 'object' && given !== null && Object.hasOwn(given, 'parts');
    const fields = fieldsOf(given, isTotal ? totalKeys : figureKeys);
    const { meter: name, resourceId = instance.id } = fields;
    const meter = meterOf(name);
    checkResourceId(resourceId, name as string);
    const { userId, projectId } = instance;
    const counterOf = ({ metadata, plugging }: KnownResource, volume: number | bigint): PolledCounter => ({
      name: name as string,
      type: meter.type,
      unit: meter.unit,
      volume,
      userId,
      projectId,
      resourceId,
      timestamp: readAt,
      resourceMetadata: metadata,
      plugging,
    });
    const owners = (userId ?? '').length + (projectId ?? '').length;
    const sized = ({ size }: KnownResource) => sizeOf(name as string, resourceId, owners, size);
    if (isTotal) {
      const { whole } = fields;
      if (whole !== undefined) checkVolume(whole, meter, name as string, resourceId);
      const parts = readParts(fields['parts'], meter, name as string);
      const resource = resources.find(resourceId, fields['metadata'], undefined);
      const { volume: _, plugging: __, ...total } = counterOf(resource, 0);
      return { total: { ...total, parts, whole }, size: sized(resource) };
    }
    const { volume } = fields;
    if (typeof volume === 'object' && volume !== null)
      return { gap: { name: name as string, resourceId, reason: readMissing(volume) } };
    checkVolume(volume, meter, name as string, resourceId);
    const resource = resources.find(resourceId, fields['metadata'], fields['plugging']);
    return { counter: counterOf(resource, volume), size: sized(resource) };
  };
}

/** @throws TOTAL_INVALID, MISSING_INVALID, COUNTER_INVALID */
function readParts(given: unknown, { type }: Meter, name: string): readonly TotalPart[] {
  const wrong = (what: string) =>
    new NephoscopeError('TOTAL_INVALID', `the total '${name.slice(0, 100)}' ${what}`);
  if (type !== 'cumulative') throw wrong(`is a ${type}: only cumulative meters have totals`);
  if (!Array.isArray(given) || given.length > maxCounters)
    throw wrong(`is not made of a list of at most ${maxCounters} parts`);
  const keys = new Set<string>();
  return Array.from(given as unknown[], (part): TotalPart => {
    const { key, volume, plugging } = fieldsOf(part, partKeys);
    if (!isText(key) || keys.has(key))
      throw wrong('has two parts with one key, or a part without: name each device');
    keys.add(key);
    const marks = readPlugging(plugging);
    if (typeof volume === 'object') return { key, volume: readMissing(volume), plugging: marks };
    if (typeof volume !== 'bigint' && !Number.isFinite(volume))
      throw wrong(`has a part '${key.slice(0, 100)}' whose volume is not a finite number`);
    return { key, volume: volume as number | bigint, plugging: marks };
  });
}
