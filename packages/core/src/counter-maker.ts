import type { Metadata } from './counter.js';
import { NephoscopeError } from './errors.js';
import type { Instance } from './instance.js';
import { isDeepFrozen } from './message/metadata.js';
import { meterStem } from './meter.js';
import type { Meter } from './meter.js';
import type { ComputePollManager, CounterDetails } from './pollster.js';

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
 */
export function createCounterMaker(meters: readonly Meter[]) {
  const byStem = new Map(meters.map((meter) => [meterStem(meter.name), meter]));
  return (instance: Instance, timestamp: bigint): Pick<ComputePollManager<never>, 'counter' | 'total'> => {
    const fields = (name: string, { resourceId, metadata }: CounterDetails) => {
      const meter = byStem.get(meterStem(String(name)));
      if (meter === undefined) {
        throw new NephoscopeError(
          'METER_UNDECLARED',
          `the meter '${String(name).slice(0, 100)}' is not in the plugin's table: add it to 'meters'`,
        );
      }
      return {
        name,
        type: meter.type,
        unit: meter.unit,
        userId: instance.userId,
        projectId: instance.projectId,
        resourceId: resourceId ?? instance.id,
        timestamp,
        resourceMetadata: merge(instance.metadata, metadata),
      };
    };
    return {
      counter: (name, volume, details = {}) => ({ ...fields(name, details), volume, plugging: details.plugging }),
      total(name, parts, details = {}) {
        const total = { ...fields(name, details), parts, whole: details.whole };
        if (total.type !== 'cumulative')
          throw new NephoscopeError(
            'TOTAL_INVALID',
            `the meter '${name}' is a ${total.type}: only cumulative meters have totals`,
          );
        if (new Set(parts.map(({ key }) => key)).size < parts.length)
          throw new NephoscopeError('TOTAL_INVALID', `two parts of '${name}' have one key: name each device`);
        return total;
      },
    };
  };
}
