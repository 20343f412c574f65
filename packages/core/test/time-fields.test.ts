import { PayloadReader } from '../src/payload-reader.js';
import { asMetadata, isWrongTime } from '../src/time-fields.js';

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

describe('a field that is a time', () => {
  it.each(noTimes)('is missing in metadata when it is %j', (value) => {
    for (const key of ['created_at', 'updated_at', 'launched_at', 'terminated_at', 'deleted_at']) {
      expect(isWrongTime(key, value)).toBe(true);
      expect(asMetadata(key, value)).toBeNull();
      expect(new PayloadReader({ [key]: value, name: value }).pick([key, 'name'])).toEqual({
        [key]: null,
        name: value,
      });
    }
  });

  it.each([...times, null, ''])('stays as it came when it is %j', (value) => {
    expect(isWrongTime('created_at', value)).toBe(false);
    expect(asMetadata('created_at', value)).toBe(value);
  });
});

it.each(noTimes)('another field may be %j', (value) => {
  expect(isWrongTime('display_name', value)).toBe(false);
  expect(asMetadata('display_name', value)).toBe(value);
});
