import { NephoscopeError, meterStem } from '@nephoscope/core';
import type { Metadata, Instance, Meter, ComputePollManager } from '@nephoscope/core';

import { isDeepFrozen } from './metadata.js';

// An instance's metadata, and what is added to it for a device: merged once, so that the signing side finds the
// same object in every cycle and keeps its text.
const merged = new WeakMap<Metadata, WeakMap<Metadata, Metadata>>();

function merge(base: Metadata, added: Metadata | undefined): Metadata {
  if (added === undefined) return base;
  let ofBase = merged.get(base);
  if (ofBase === undefined) merged.set(base, (ofBase = new WeakMap()));
  let whole = ofBase.get(added);
  if (whole !== undefined) return whole;
  whole = Object.freeze({ ...base, ...added });
  // One that can change is another the next time, though it is the same object.
  if (isDeepFrozen(added)) ofBase.set(added, whole);
  return whole;
}

/**
 * Makes `counter()` and `total()` of a compute pollster's manager: counters of `instance` read at `timestamp`, with type
 * and unit from the plugin's own table.
 *
 * @param metadataOf the `resource_metadata` of an instance, the same object as long as it is the same instance
 */
export function createCounterMaker(meters: readonly Meter[], metadataOf: (instance: Instance) => Metadata) {
  const byStem = new Map(meters.map((meter) => [meterStem(meter.name), meter]));
  const meterOf = (name: string): Meter => {
    const meter = byStem.get(meterStem(String(name)));
    if (meter === undefined) {
      throw new NephoscopeError(
        'METER_UNDECLARED',
        `the meter '${String(name).slice(0, 100)}' is not in the plugin's table: add it to 'meters'`,
      );
    }
    return meter;
  };
  return (instance: Instance, timestamp: bigint): Pick<ComputePollManager<never>, 'counter' | 'total'> => {
    const { id, userId, projectId } = instance;
    const own = metadataOf(instance);
    // Literals all through: a spread costs as much as all the rest, for each counter of a cycle.
    return {
      counter(name, volume, { resourceId = id, metadata, plugging } = {}) {
        const { type, unit } = meterOf(name);
        const resourceMetadata = merge(own, metadata);
        return { name, type, unit, volume, userId, projectId, resourceId, timestamp, resourceMetadata, plugging };
      },
      total(name, parts, { resourceId = id, metadata, whole } = {}) {
        const { type, unit } = meterOf(name);
        if (type !== 'cumulative')
          throw new NephoscopeError(
            'TOTAL_INVALID',
            `the meter '${name}' is a ${type}: only cumulative meters have totals`,
          );
        if (new Set(parts.map(({ key }) => key)).size < parts.length)
          throw new NephoscopeError('TOTAL_INVALID', `two parts of '${name}' have one key: name each device`);
        const resourceMetadata = merge(own, metadata);
        return { name, type, unit, userId, projectId, resourceId, timestamp, resourceMetadata, parts, whole };
      },
    };
  };
}
