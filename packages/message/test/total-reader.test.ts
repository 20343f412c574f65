import { totalReader } from '../src/index.js';

const read = totalReader([
  { name: 'disk.read.bytes', type: 'cumulative', unit: 'B', description: 'read' },
  { name: 'disk.fill', type: 'gauge', unit: '%', description: 'full' },
]);
const parts = [
  { key: 'vda', volume: 2n ** 63n, plugging: ['3'] },
  { key: 'vdb', volume: { missing: 'busy', detail: 'stuck' } },
];
const given = {
  name: 'disk.read.bytes',
  type: 'cumulative',
  unit: 'B',
  userId: null,
  projectId: null,
  resourceId: 'one',
  timestamp: 7n,
  resourceMetadata: {},
  parts,
};

it('is a copy that nobody changes', () => {
  const { total } = read({ ...given, whole: 9n });
  expect(total).toEqual({ ...given, whole: 9n });
  expect(total.parts).not.toBe(parts);
  expect(read(given).total.whole).toBeUndefined();
});

it('has marks of its own, made once of those that cannot change', () => {
  const marks = ['3'];
  const pluggingNow = () =>
    read({ ...given, parts: [{ key: 'vda', volume: 1n, plugging: marks }] }).total.parts[0]!.plugging;
  const first = pluggingNow();
  marks[0] = '4';
  expect([first, pluggingNow()]).toEqual([['3'], ['4']]);
  Object.freeze(marks);
  const frozen = pluggingNow();
  expect(frozen).toEqual(['4']);
  expect(pluggingNow()).toBe(frozen);
});

it.each([
  ['no list', { parts: 'vda' }, 'list'],
  ['a part that is none', { parts: [null] }, 'name each device'],
  ['two parts of one key', { parts: [parts[0], parts[0]] }, 'one key'],
  ['a volume that is not a number', { parts: [{ key: 'a', volume: NaN }] }, 'no finite number'],
  ['a reason that is none', { parts: [{ key: 'a', volume: { missing: 'lost', detail: '' } }] }, 'reason'],
  ['marks that are not strings', { parts: [{ key: 'a', volume: 1n, plugging: [5] }] }, 'plugging'],
  ['a whole that is not a number', { whole: Infinity }, 'finite'],
  ['another meter', { name: 'disk.write.bytes' }, 'table'],
  ['a gauge', { name: 'disk.fill', type: 'gauge', unit: '%' }, 'only cumulative'],
])('refuses %s', (_, wrong, says) => {
  expect(() => read({ ...given, ...wrong })).toThrow(says);
});
