import { exampleInstance } from '@nephoscope/testing';

import { figureReader, KnownResources } from '../../src/replies.js';

const read = figureReader([
  { name: 'disk.read.bytes', type: 'cumulative', unit: 'B', description: 'read' },
  { name: 'disk.fill', type: 'gauge', unit: '%', description: 'full' },
  { name: 'instance:<flavor>', type: 'gauge', unit: 'instance', description: 'exists' },
]);
const instance = exampleInstance({ id: 'one', userId: 'u', projectId: 'p' });
const base = Object.freeze({ name: 'one' });
const newResources = () => {
  const resources = new KnownResources();
  resources.begin(base);
  return resources;
};
const readOnce = (given: unknown, resources = newResources()) => read(given, { instance, readAt: 7n, resources });
const counterOf = (given: unknown, resources?: KnownResources) => {
  const figure = readOnce(given, resources);
  if (!('counter' in figure)) throw new Error('it is no counter');
  return figure.counter;
};
const totalOf = (given: unknown) => {
  const figure = readOnce(given);
  if (!('total' in figure)) throw new Error('it is no total');
  return figure.total;
};
const common = { userId: 'u', projectId: 'p', timestamp: 7n, resourceMetadata: { name: 'one' } };
const parts = [
  { key: 'vda', volume: 2n ** 63n, plugging: ['3'] },
  { key: 'vdb', volume: { missing: 'busy', detail: 'stuck' } },
];

it('adds the facts from the table, the instance and the reading', () => {
  expect(counterOf({ meter: 'disk.fill', volume: 5.5 })).toEqual({
    ...{ name: 'disk.fill', type: 'gauge', unit: '%', volume: 5.5, resourceId: 'one', ...common },
  });
  const given = { resourceId: 'one-vda', metadata: { name: 'vda', size: 2n ** 70n }, plugging: ['3'] };
  expect(counterOf({ meter: 'disk.read.bytes', volume: 2n ** 63n + 1n, ...given })).toEqual({
    ...{ name: 'disk.read.bytes', type: 'cumulative', unit: 'B', volume: 2n ** 63n + 1n, ...common },
    ...{ resourceId: 'one-vda', resourceMetadata: { name: 'vda', size: 2n ** 70n }, plugging: ['3'] },
  });
  expect(counterOf({ meter: 'instance:m1.small', volume: 1 })).toMatchObject({ unit: 'instance' });
  expect(totalOf({ meter: 'disk.read.bytes', parts, whole: 9n })).toEqual({
    ...{ name: 'disk.read.bytes', type: 'cumulative', unit: 'B', resourceId: 'one', ...common, parts, whole: 9n },
  });
  expect(readOnce({ meter: 'disk.fill', volume: { missing: 'busy', detail: 'stuck' } })).toEqual({
    missingFigure: { name: 'disk.fill', resourceId: 'one', reason: { missing: 'busy', detail: 'stuck' } },
  });
});

it('reads items from another process in the same way', () => {
  for (const given of [
    { meter: 'disk.fill', volume: 1, metadata: { a: [1, { b: null }] }, plugging: undefined },
    { meter: 'disk.read.bytes', parts, whole: 9n },
    { meter: 'disk.fill', volume: { missing: 'off', detail: '' }, resourceId: 'x' },
  ])
    expect(readOnce(structuredClone(given))).toEqual(readOnce(given));
});

it('returns immutable values', () => {
  const given = { meter: 'disk.fill', volume: 1, metadata: { a: { b: 'first' } }, plugging: ['1'] };
  const resources = newResources();
  const first = counterOf(given, resources);
  Object.assign(given, { volume: 2 });
  given.metadata.a.b = 'second';
  given.plugging[0] = '2';
  expect(first).toMatchObject({ volume: 1, resourceMetadata: { a: { b: 'first' } }, plugging: ['1'] });
  expect(counterOf(given, resources)).toMatchObject({ resourceMetadata: { a: { b: 'second' } }, plugging: ['2'] });
  expect(totalOf({ meter: 'disk.read.bytes', parts }).parts).not.toBe(parts);
});

describe('the metadata of a resource', () => {
  const figure = (metadata: object, plugging: readonly string[] = ['1']) => ({
    ...{ meter: 'disk.fill', volume: 1, resourceId: 'one-vda', metadata, plugging },
  });
  const said = { disk: 'vda', sizes: [1, 2n, { of: null }] };

  it('are the same object in later polls if they are unchanged, even if they were copied', () => {
    const resources = newResources();
    const first = counterOf(figure(said), resources);
    for (const _ of [1, 2]) {
      resources.begin(base);
      const again = counterOf(structuredClone(figure(said)), resources);
      expect(again.resourceMetadata).toBe(first.resourceMetadata);
      expect(again.plugging).toBe(first.plugging);
    }
  });

  it.each([
    { disk: 'vdb', sizes: said.sizes },
    { disk: 'vda' },
    { ...said, more: 1 },
    { ...said, sizes: [1, 2n] },
    { ...said, sizes: [1, 2n, { of: 0 }] },
    { ...said, sizes: [1, 2n, {}] },
    { ...said, sizes: [1, 2n, []] },
    { ...said, sizes: { 0: 1, 1: 2n, 2: { of: null } } },
    JSON.parse('{"__proto__":{},"disk":"vda"}') as object,
  ])('are the new ones if they differ: %p', (other) => {
    const resources = newResources();
    counterOf(figure(said), resources);
    expect(counterOf(figure(other), resources).resourceMetadata).toEqual({ ...base, ...other });
    expect(counterOf(figure(said), resources).resourceMetadata).toEqual({ ...base, ...said });
  });

  it.each([
    [{ disk: 'vda' }, { name: 'one' }],
    [{ name: 'vda' }, { name: 'one' }],
    [{ name: 'vda' }, {}],
    [{ name: 'one' }, { disk: 'vda' }],
    [{ name: 'vda', disk: 'vda' }, { disk: 'vda' }],
  ])('take precedence over those of the instance: %p, then %p', (one, other) => {
    const resources = newResources();
    for (const metadata of [one, other, one])
      expect(counterOf(figure(metadata), resources).resourceMetadata).toEqual({ ...base, ...metadata });
  });

  it('have the same marks again, also those of parts, even if other items have none', () => {
    const resources = newResources();
    const marks = () => {
      resources.begin(base);
      const { plugging } = counterOf(figure(said, ['1', '2']), resources);
      const without = counterOf(
        { meter: 'disk.fill', volume: 1, resourceId: 'one-vda', metadata: said },
        resources,
      );
      expect(without.plugging).toBeUndefined();
      const figureOfParts = readOnce({ meter: 'disk.read.bytes', parts: structuredClone(parts) }, resources);
      if (!('total' in figureOfParts)) throw new Error('it is no total');
      return [plugging, figureOfParts.total.parts[0]!.plugging];
    };
    const first = marks();
    expect(first).toEqual([['1', '2'], ['3']]);
    const again = marks();
    for (const [index, one] of first.entries()) expect(again[index]).toBe(one);
  });

  it.each([
    ['different each time it is read', () => Math.random()],
    ['a value that JSON cannot represent', () => new Date()],
  ])('are not taken for unchanged if a value is %s', (_, get) => {
    const resources = newResources();
    counterOf(figure({ a: {} }), resources);
    const given = Object.defineProperty({}, 'a', { enumerable: true, get });
    try {
      expect(counterOf(figure(given), resources).resourceMetadata['a']).toEqual(expect.any(Number));
    } catch (error) {
      expect(error).toMatchObject({ code: 'COUNTER_INVALID' });
    }
  });

  it('are created again for another instance, and discarded after a poll without them', () => {
    const resources = newResources();
    const first = counterOf(figure(said), resources);
    resources.begin(Object.freeze({ name: 'two' }));
    expect(counterOf(figure(said), resources).resourceMetadata).toEqual({ name: 'two', ...said });
    resources.begin(base);
    resources.begin(base);
    const again = counterOf(figure(said), resources);
    expect(again.resourceMetadata).toEqual(first.resourceMetadata);
    expect(again.resourceMetadata).not.toBe(first.resourceMetadata);
  });

  it('are remembered for a limited number of resources, even over many polls', () => {
    const resources = newResources();
    const all = (from: number) =>
      Array.from({ length: 3_000 }, (_, index) =>
        counterOf({ ...figure(said), resourceId: `${from + index}` }, resources),
      );
    const first = all(0);
    resources.begin(base);
    const second = all(0);
    const same = first.filter(
      ({ resourceMetadata }, index) => second[index]!.resourceMetadata === resourceMetadata,
    );
    expect(same.length).toBeGreaterThan(300);
    expect(same.length).toBeLessThan(2_999);
    expect(second.every(({ resourceMetadata: { disk } }) => disk === 'vda')).toBe(true);
    for (const _ of [1, 2, 3]) {
      resources.begin(base);
      all(0);
    }
    resources.begin(base);
    const later = all(0);
    resources.begin(base);
    const last = all(0);
    expect(
      last.filter(({ resourceMetadata }, index) => later[index]!.resourceMetadata === resourceMetadata).length,
    ).toBeLessThan(2_999);
  });
});

it.each([
  ['a missing item', null, 'is an object'],
  ['no meter', { volume: 1 }, 'table'],
  ['another meter', { meter: 'disk.write.bytes', volume: 1 }, 'table'],
  ['an empty variable part', { meter: 'instance:', volume: 1 }, 'table'],
  ['no volume', { meter: 'disk.fill' }, 'is undefined'],
  ['a volume of null', { meter: 'disk.fill', volume: null }, 'is null'],
  ['a negative count', { meter: 'disk.read.bytes', volume: -1n }, 'counts up from 0'],
  ['an unknown key', { meter: 'disk.fill', volume: 1, resource: 'x' }, "nothing named 'resource'"],
  ['an invalid resource', { meter: 'disk.fill', volume: 1, resourceId: 5 }, 'no resource id'],
  ['invalid metadata', { meter: 'disk.fill', volume: 1, metadata: null }, 'not an object'],
  ['a volume and parts', { meter: 'disk.read.bytes', volume: 1, parts }, "nothing named 'volume'"],
  ['parts that are not a list', { meter: 'disk.read.bytes', parts: 'vda' }, 'list'],
  ['an invalid part', { meter: 'disk.read.bytes', parts: [null] }, 'is an object'],
  ['an unknown key of a part', { meter: 'disk.read.bytes', parts: [{ ...parts[0], size: 1 }] }, "'size'"],
  ['two parts with the same key', { meter: 'disk.read.bytes', parts: [parts[0], parts[0]] }, 'one key'],
  [
    'a part that is not a number',
    { meter: 'disk.read.bytes', parts: [{ key: 'a', volume: NaN }] },
    'not a finite number',
  ],
  ['a part of null', { meter: 'disk.read.bytes', parts: [{ key: 'a', volume: null }] }, 'reason'],
  [
    'an invalid reason',
    { meter: 'disk.read.bytes', parts: [{ key: 'a', volume: { missing: 'lost', detail: '' } }] },
    'reason',
  ],
  [
    'marks that are not texts',
    { meter: 'disk.read.bytes', parts: [{ key: 'a', volume: 1n, plugging: [5] }] },
    'plugging',
  ],
  ['a whole that is not a number', { meter: 'disk.read.bytes', parts, whole: Infinity }, 'finite'],
  ['parts of a gauge', { meter: 'disk.fill', parts }, 'only cumulative'],
])('refuses %s', (_, given, says) => {
  expect(() => readOnce(given)).toThrow(says);
});
