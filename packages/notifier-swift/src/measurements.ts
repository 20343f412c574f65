import { NephoscopeError, PayloadReader } from '@nephoscope/core';
import type { Metadata, MetadataValue } from '@nephoscope/core';

/** One figure of a request, as ceilometermiddleware measured it. */
export interface Measurement {
  readonly name: string;
  readonly unit: string;
  readonly amount: () => number | bigint;
}

/**
 * The measurements of a CADF event: `{"measurements": [{"result": 131, "metric": {"name": …, "unit": "B"}}]}`. A request
 * without a byte in it or out of it has none.
 *
 * @throws NOTIFICATION_FIELD
 */
export function measurements(payload: PayloadReader): readonly Measurement[] {
  const all = payload.value('measurements');
  if (all === null) return [];
  if (!Array.isArray(all)) throw wrong('payload.measurements', 'a list');
  return all.map((item: MetadataValue, index) => {
    const path = `payload.measurements[${index}]`;
    if (!isObject(item)) throw wrong(path, 'an object');
    const fields = new PayloadReader(item, path);
    const metric = fields.inner('metric');
    return { name: metric.text('name'), unit: metric.text('unit'), amount: () => fields.amount('result') };
  });
}

function isObject(value: MetadataValue): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(path: string, wanted: string): NephoscopeError {
  return new NephoscopeError('NOTIFICATION_FIELD', `${path} of the notification is not ${wanted}`);
}
