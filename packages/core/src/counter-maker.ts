import type { Counter, Metadata } from './counter.js';
import { NephoscopeError } from './errors.js';
import type { Instance } from './instance.js';
import { isDeepFrozen } from './message/metadata.js';
import { meterStem } from './meter.js';
import type { Meter } from './meter.js';
import type { CounterDetails } from './pollster.js';

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
 * Makes `counter()` of a compute pollster's manager: a counter of `instance` read at `timestamp`, with type and
 * unit from the plugin's own table.
 */
export function createCounterMaker(meters: readonly Meter[]) {
  const byStem = new Map(meters.map((meter) => [meterStem(meter.name), meter]));
  return (instance: Instance, timestamp: bigint) =>
    (name: string, volume: number | bigint, details: CounterDetails = {}): Counter => {
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
        volume,
        userId: instance.userId,
        projectId: instance.projectId,
        resourceId: details.resourceId ?? instance.id,
        timestamp,
        resourceMetadata: merge(instance.metadata, details.metadata),
      };
    };
}
