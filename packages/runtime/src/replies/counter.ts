import { NephoscopeError } from '@nephoscope/core';
import type { Counter, Meter } from '@nephoscope/core';
import { copyMetadata } from '@nephoscope/message';

import { checkOwner, checkResourceId, checkTimestamp, checkVolume, fieldsOf, meterTable, sizeOf } from './item.js';
import type { ReadCounter } from './item.js';

const keys: ReadonlySet<string> = new Set<keyof Counter>([
  'name',
  'type',
  'unit',
  'volume',
  'userId',
  'projectId',
  'resourceId',
  'timestamp',
  'resourceMetadata',
]);

/**
 * Reads the counters that a notification plugin yields. The contents of texts are checked at signing.
 *
 * The function throws METER_UNDECLARED for a meter that is not in the table with this type and unit, METER_VOLUME,
 * and COUNTER_INVALID for anything else that cannot be sent.
 */
export function counterReader(meters: readonly Meter[]): (given: unknown) => ReadCounter {
  const meterOf = meterTable(meters);
  return (given) => {
    const { type, unit, volume, userId, projectId, resourceId, timestamp, resourceMetadata, ...named } = fieldsOf(
      given,
      keys,
    );
    const name = named['name'] as string;
    const meter = meterOf(name);
    if (meter.type !== type || meter.unit !== unit)
      throw new NephoscopeError(
        'METER_UNDECLARED',
        `the counter '${name.slice(0, 100)}' is not in the plugin's table with this type and unit: add it to 'meters'`,
      );
    checkVolume(volume, meter, name, resourceId);
    checkResourceId(resourceId, name);
    checkOwner(userId, 'user', name);
    checkOwner(projectId, 'project', name);
    checkTimestamp(timestamp, name);
    const metadata = copyMetadata(resourceMetadata);
    return {
      counter: {
        name,
        type: meter.type,
        unit: meter.unit,
        volume,
        userId,
        projectId,
        resourceId,
        timestamp,
        resourceMetadata: metadata.value,
      },
      size: sizeOf(name, resourceId, (userId ?? '').length + (projectId ?? '').length, metadata.size),
    };
  };
}
