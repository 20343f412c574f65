import { exampleSample } from '@nephoscope/testing';

import { complexFilter } from '../src/ceilometer/complex-filter.js';

const holds = (filter: string, volume: string, metadata = '{}') =>
  complexFilter(filter, 'all').holds(exampleSample({ volume, metadata }));

it.each([
  ['{"=": {"counter_volume": 9007199254740993}}', '9007199254740993', true],
  ['{"=": {"counter_volume": 9007199254740993}}', '9007199254740992', false],
  ['{">": {"volume": 9007199254740992}}', '9007199254740993', true],
  ['{"in": {"volume": [1e30, 0.1]}}', '1000000000000000000000000000000', true],
  ['{"in": {"volume": [1e30, 0.1]}}', '1000000000000000000000000000001', false],
  ['{"=": {"volume": 0.10}}', '1e-1', true],
  ['{"=": {"volume": "1"}}', '1', false],
])('the filter %s with the volume %s is %s', (filter, volume, is) => {
  expect(holds(filter, volume)).toBe(is);
});

it('compares numbers in metadata exactly, too', () => {
  const filter = '{"=": {"metadata.size": 9007199254740993}}';
  expect(holds(filter, '1', '{"size":9007199254740993}')).toBe(true);
  expect(holds(filter, '1', '{"size":9007199254740992}')).toBe(false);
});
