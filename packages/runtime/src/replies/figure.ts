import { NephoscopeError } from '@nephoscope/core';
import type { Counter, Meter } from '@nephoscope/core';
import type { Instance } from '@nephoscope/core/instance';
import type { Figure, Plugging, Total, TotalPart } from '@nephoscope/core/pollster';

import { checkResourceId, checkVolume, fieldsOf, isText, maxCounters, meterTable, sizeOf } from './item.js';
import type { MissingFigure, ReadCounter } from './item.js';
import type { KnownResources } from './known-resources.js';
import { readMissing } from './missing.js';

/** A counter, and the marks of its device's plugging. */
export interface PolledCounter extends Counter {
  readonly plugging?: Plugging | undefined;
}

/** A counter in parts, from which the agent makes the volume. */
export interface PolledTotal extends Omit<Counter, 'volume'>, Pick<Total, 'parts' | 'whole'> {}

export type PolledMissing = MissingFigure;

/** An item of a compute pollster's reply, copied. */
export type ReadFigure =
  | ReadCounter<PolledCounter>
  | { readonly total: PolledTotal; readonly size: number }
  | { readonly missingFigure: PolledMissing };

/** Facts of a poll besides its reply. */
interface Polled {
  readonly instance: Instance;
  /** The time of the reading. */
  readonly readAt: bigint;
  /** In which the poll has begun. */
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
 * Reads the items of a compute pollster's replies, and adds type and unit from the plugin's table and the instance's
 * facts. The contents of texts are checked at signing.
 *
 * The function throws METER_UNDECLARED for a meter that is not in the table, METER_VOLUME, MISSING_INVALID,
 * TOTAL_INVALID, and COUNTER_INVALID for anything else that cannot be sent.
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
    const { type, unit } = meter;
    const owners = (userId ?? '').length + (projectId ?? '').length;
    // Object literals throughout: a spread costs as much as all the rest, for each counter of a cycle.
    if (isTotal) {
      const { whole } = fields;
      if (whole !== undefined) checkVolume(whole, meter, name as string, resourceId);
      const parts = readParts(fields['parts'], meter, name as string, resources);
      const { metadata: resourceMetadata, size } = resources.find(resourceId, fields['metadata'], undefined);
      return {
        total: {
          name: name as string,
          type,
          unit,
          userId,
          projectId,
          resourceId,
          timestamp: readAt,
          resourceMetadata,
          parts,
          whole,
        },
        size: sizeOf(name as string, resourceId, owners, size),
      };
    }
    const { volume, plugging } = fields;
    if (typeof volume === 'object' && volume !== null)
      return { missingFigure: { name: name as string, resourceId, reason: readMissing(volume) } };
    checkVolume(volume, meter, name as string, resourceId);
    const resource = resources.find(resourceId, fields['metadata'], plugging);
    const { metadata: resourceMetadata, size } = resource;
    return {
      counter: {
        name: name as string,
        type,
        unit,
        volume,
        userId,
        projectId,
        resourceId,
        timestamp: readAt,
        resourceMetadata,
        plugging: plugging === undefined ? undefined : resource.plugging,
      },
      size: sizeOf(name as string, resourceId, owners, size),
    };
  };
}

/** @throws TOTAL_INVALID, MISSING_INVALID, COUNTER_INVALID */
function readParts(
  given: unknown,
  { type }: Meter,
  name: string,
  resources: KnownResources,
): readonly TotalPart[] {
  if (type !== 'cumulative') throw wrongTotal(name, `is a ${type}: only cumulative meters have totals`);
  if (!Array.isArray(given) || given.length > maxCounters)
    throw wrongTotal(name, `is not made of a list of at most ${maxCounters} parts`);
  // Allocated with its size: a growing array has room for 17, and an instance has seven of them.
  const parts = new Array<TotalPart>(given.length);
  const keys = new Set<string>();
  // By index: an iterator would be the plugin's code.
  for (let index = 0; index < parts.length; index++) {
    const { key, volume, plugging } = fieldsOf(given[index], partKeys);
    if (!isText(key) || keys.has(key))
      throw wrongTotal(name, 'has two parts with one key, or a part without: name each device');
    keys.add(key);
    if (typeof volume !== 'bigint' && typeof volume !== 'object' && !Number.isFinite(volume))
      throw wrongTotal(name, `has a part '${key.slice(0, 100)}' whose volume is not a finite number`);
    parts[index] = {
      key,
      volume: typeof volume === 'object' ? readMissing(volume) : (volume as number | bigint),
      // A device in a total is a resource as well: equal marks are the same list again.
      plugging: plugging === undefined ? undefined : resources.find(key, undefined, plugging).plugging,
    };
  }
  return parts;
}

function wrongTotal(name: string, what: string): NephoscopeError {
  return new NephoscopeError('TOTAL_INVALID', `the total '${name.slice(0, 100)}' ${what}`);
}
