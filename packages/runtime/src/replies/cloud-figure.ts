import type { Meter } from '@nephoscope/core';
import type { CloudFigure } from '@nephoscope/core/pollster';
import { copyMetadata } from '@nephoscope/message';

import { checkOwner, checkResourceId, checkTimestamp, checkVolume, fieldsOf, meterTable, sizeOf } from './item.js';
import type { MissingFigure, ReadCounter } from './item.js';
import { readMissing } from './missing.js';

/** An item of a central pollster's reply, copied. */
export type ReadCloudFigure = ReadCounter | { readonly missingFigure: MissingFigure; readonly size: number };

/** Maximum length of the id of a resource without a figure, in characters. */
const longestId = 255;

const keys: ReadonlySet<string> = new Set<keyof CloudFigure>([
  'meter',
  'volume',
  'resourceId',
  'projectId',
  'userId',
  'metadata',
  'timestamp',
]);

/**
 * Reads the items of central pollsters' replies, and adds type and unit from the plugin's table.
 *
 * The function takes the time for items without one. It throws METER_UNDECLARED for a meter that is not in the table,
 * METER_VOLUME, MISSING_INVALID, and COUNTER_INVALID for anything else that cannot be sent.
 */
export function cloudFigureReader(
  meters: readonly Meter[],
): (given: unknown, now: () => bigint) => ReadCloudFigure {
  const meterOf = meterTable(meters);
  return (given, now) => {
    const fields = fieldsOf(given, keys);
    const { meter: named, volume, resourceId } = fields;
    const { type, unit, ...meter } = meterOf(named);
    const name = named as string;
    checkResourceId(resourceId, name);
    if (typeof volume === 'object' && volume !== null) {
      const missingFigure = { name, resourceId: resourceId.slice(0, longestId), reason: readMissing(volume) };
      return {
        missingFigure,
        size: sizeOf(name, missingFigure.resourceId, missingFigure.reason.detail.length, 0),
      };
    }
    const { projectId, userId, metadata, timestamp = now() } = fields;
    checkVolume(volume, { ...meter, type, unit }, name, resourceId);
    checkOwner(userId, 'user', name);
    checkOwner(projectId, 'project', name);
    checkTimestamp(timestamp, name);
    const { value: resourceMetadata, size } = copyMetadata(metadata);
    return {
      counter: { name, type, unit, volume, userId, projectId, resourceId, timestamp, resourceMetadata },
      size: sizeOf(name, resourceId, (userId ?? '').length + (projectId ?? '').length, size),
    };
  };
}
