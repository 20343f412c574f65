import type { Sample } from '@nephoscope/core/sample-store';

import { metadataValue } from '../src/metadata-value.js';
import { sampleOf } from './histories.js';

it('returns values as exact text, by names that may be paths', () => {
  const flavor = '{"name": "small", "ram": 12345678901234567890, "a.b": true}';
  const metadata = `{"flavor": ${flavor}, "flavor.name": "dotted", "tags": ["x"], "none": null}`;
  const reading = { time: 1, volume: 1, epoch: null, group: 'p', series: 'web' };
  const sample: Sample = { ...sampleOf(reading, 'gauge'), text: `{"resource_metadata": ${metadata}}` };
  const found = (key: string) => metadataValue(sample, key);
  expect(['flavor.name', 'flavor.ram', 'flavor.a.b', 'tags', 'none', 'flavor.x', 'x.y'].map(found)).toEqual([
    ...['dotted', '12345678901234567890', 'true', '["x"]', null, null, null],
  ]);
});

it('reads the metadata of each sample, whether they are shared with others or not', () => {
  const reading = { time: 1, volume: 1, epoch: null, group: 'p', series: 'web' };
  const found = (text: string) => metadataValue({ ...sampleOf(reading, 'gauge'), text }, 'host');
  const hosts = Array.from({ length: 50 }, (_, at) => `host-${at % 20}`);
  expect(hosts.map((host, at) => found(`{"n": ${at}, "resource_metadata": {"host": "${host}"}}`))).toEqual(hosts);
  expect(found('{"resource_metad\\u0061ta": {"host": "escaped"}}')).toBe('escaped');
  expect(
    ['{}', '{"resource_metadata": null}', '{"x": {"resource_metadata": {"host": "inner"}}}'].map(found),
  ).toEqual([...[null, null, null]]);
});
