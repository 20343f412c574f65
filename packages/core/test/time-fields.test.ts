import type { Metadata } from '../src/index.js';
import { PayloadReader } from '../src/payload-reader.js';

const noTimes = [
  'not a time',
  'None',
  'yesterday',
  '2026-02-30T00:00:00Z',
  '2026-11-22',
  '22.11.2026 21:00',
  '2026-11-22T25:00:00Z',
  ' 2026-11-22T21:00:00Z',
  1_795_381_200,
  0,
  true,
  ['2026-11-22T21:00:00Z'],
  { at: '2026-11-22T21:00:00Z' },
];
const times = [
  '2026-11-22T21:00:00Z',
  '2026-11-22 21:00:00',
  '2026-11-22T21:00:00.194936+00:00',
  '2026-11-22T21:00:00+0100',
];

const read = (fields: Metadata) => {
  const reader = new PayloadReader(fields);
  return [reader.pick(Object.keys(fields)), reader.wrongTimes()];
};

describe('a time in metadata', () => {
  it.each(noTimes)('is missing, and reported, if it is %j', (value) => {
    for (const key of ['created_at', 'updated_at', 'launched_at', 'terminated_at', 'deleted_at'])
      expect(read({ [key]: value, name: value })).toEqual([{ [key]: null, name: value }, [key]]);
  });

  it.each([...times, null, ''])('is unchanged if it is %j', (value) => {
    expect(read({ created_at: value })).toEqual([{ created_at: value }, []]);
  });
});

it.each(noTimes)('in another field may be %j', (value) => {
  expect(read({ display_name: value })).toEqual([{ display_name: value }, []]);
});
