import type { Counter, Metadata } from './counter.js';
import { NephoscopeError } from './errors.js';
import type { Instance } from './instance.js';
import { meterStem } from './meter.js';
import type { Meter } from './meter.js';
import type { CounterDetails } from './pollster.js';

// Counters of one device share their metadata, within a cycle and from cycle to cycle; merged once, the
// same object lets the signing side keep its text too.
const merged = new WeakMap<Metadata, { readonly base: Metadata; readonly whole: Metadata }>();

function merge(base: Metadata, added: Metadata | undefined): Metadata {
  if (added === undefined) return base;
  const known = merged.get(added);
  if (known?.base === base) return known.whole;
  const whole = Object.freeze({ ...base, ...added });
  merged.set(added, { base, whole });
  return whole;
}

/**
 * Makes `counter()` of a compute pollster's manager: a counter of `instance` read at `timestamp`, with type and
 * unit from the plugin's own table.
 */
export function createCounterMaker(meters: readonly Meter[]) {
  const byStem = new Map(meters.map((meter) => [meterStem(meter.name), meter]));
  return (instance: Instance, timestamp: bigint) =>
    (name: string, volume: number | bigint, details: CounterDetails = {}): Counter => {
      const meter = byStem.get(meterStem(name));
      if (meter === undefined) {
        throw new NephoscopeError(
          'METER_UNDECLARED',
          `the meter '${name}' is not in the plugin's table: add it to 'meters'`,
        );
      }
      return {
        name,
        type: meter.type,
        unit: meter.unit,
        volume,
        userId: instance.userId,
        projectId: instance.projectId,
        resourceId: details.resourceId ?? instance.id,
        timestamp,
        resourceMetadata: merge(instance.metadata, details.metadata),
      };
    };
}
