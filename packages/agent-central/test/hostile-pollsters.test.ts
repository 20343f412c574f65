/* oxlint-disable require-yield -- some generators under test fail before they yield */
import type { Cloud } from '@nephoscope/core/pollster';

import type { CloudSession } from '../src/cycle-cloud.js';
import type { ActivePollster } from '../src/cycle.js';
import { advanceUntil, figure, lines, metric, noCloud, pollster, startAgent, stopAgents } from './support.js';

/** Bypasses the type checks. */
// oxlint-disable-next-line typescript/no-explicit-any
type Anything = (cloud: any, signal: any) => any;
// oxlint-disable-next-line typescript/no-explicit-any
type Writable = any;

const never = new AbortController().signal;
const hang = () => new Promise<never>(() => undefined);
const things = { service: { type: 'thing' }, path: '/things', key: 'things' };

afterEach(stopAgents);

/** Returns the same two items to every listing. */
const session: CloudSession = {
  ...noCloud,
  async *list() {
    yield [{ id: 'one', size: 9_007_199_254_740_993n, owner: { name: 'owner' } }];
    yield [{ id: 'two', size: 3n, owner: { name: 'owner' } }];
  },
};

/** Yields the listed figures, to the last digit. */
const honest: ActivePollster = {
  name: 'honest',
  meters: [
    { name: 'true.size', type: 'gauge', unit: 'x', description: 'of the tests' },
    { name: 'true.moment', type: 'gauge', unit: 'x', description: 'of the tests' },
  ],
  pollster: {
    async *getCounters(cloud: Cloud) {
      yield figure('true.moment', 'now', 7n);
      for await (const { id, size, owner } of cloud.list(things))
        yield { ...figure('true.size', id as string, size as bigint), metadata: { owner: owner as never } };
    },
  },
};

async function twoCycles(pollsters: readonly ActivePollster[]) {
  const { agent, bus, clock, registry, told } = await startAgent({ pollsters, session });
  const cycles: { readonly at: bigint; readonly end: bigint }[] = [];
  for (const _ of [0, 1]) {
    const at = clock.now();
    let over = false;
    const cycle = agent
      .once(never)
      .catch(() => undefined)
      .finally(() => (over = true));
    await advanceUntil('the cycle is over', clock, () => over);
    await cycle;
    cycles.push({ at, end: clock.now() });
    await clock.advance(1_000);
  }
  // As it was sent: a JavaScript number would round it.
  const text = bus.confirmed.map(({ body }) => Buffer.from(body).toString('utf8')).join('');
  const volumes = text
    .split('\n')
    .filter((line) => line.includes('"counter_name":"true.'))
    .map((line) => /"counter_volume":(\d+)/.exec(line)?.[1]);
  const sent = lines(bus.confirmed);
  const ofBad = sent.filter(({ counter_name: name }) => !name.startsWith('true.'));
  const ofHonest = sent.filter(({ counter_name: name }) => name.startsWith('true.'));
  return { cycles, ofBad, ofHonest, volumes, registry, errors: told('error') };
}

const bad = (resource = 'x', volume: number | bigint = 1) => figure('bad', resource, volume);
const changed =
  (change: object): Anything =>
  () => [{ ...bad(), ...change }];
const metadataOf = (metadata: object) => changed({ metadata });
const throwing = (text: string) =>
  new Proxy(
    {},
    {
      get() {
        throw new Error(text);
      },
    },
  );

/** Each affects only itself, and is reported with this text. */
const fails: Readonly<Record<string, readonly [Anything, RegExp]>> = {
  'replaces the list method of the cloud': [(cloud) => void (cloud.list = () => []), /read only|not extensible/],
  'replaces it for all clouds': [
    (cloud) => void (Object.getPrototypeOf(cloud).list = () => []),
    /read only|not extensible/,
  ],
  'modifies a listed item': [
    async function* (cloud: Writable) {
      for await (const item of cloud.list(things)) item.size = 0n;
    },
    /read only/,
  ],
  'modifies a listed item below its top level': [
    async function* (cloud: Writable) {
      for await (const item of cloud.list(things)) item.owner.name = 'mine';
    },
    /read only/,
  ],
  'removes a key from a listed item': [
    async function* (cloud: Writable) {
      for await (const item of cloud.list(things)) delete item.size;
    },
    /Cannot delete/,
  ],
  'adds a property to the cloud': [(cloud) => void (cloud.more = 1), /not extensible/],
  'sends NaN': [changed({ volume: NaN }), /finite number/],
  'sends infinity': [changed({ volume: -Infinity }), /finite number/],
  'sends a volume as text': [changed({ volume: '12' }), /finite number/],
  'sends no volume': [changed({ volume: null }), /finite number/],
  'sends no owner': [changed({ projectId: undefined }), /project id/],
  'misspells a key': [changed({ projectID: 'p' }), /nothing named 'projectID'/],
  'sends a boxed number': [changed({ volume: Object(1) }), /finite number|reason/],
  'sends another plugin’s meter': [changed({ meter: 'true.size' }), /not in the plugin's table/],
  'names a type': [changed({ type: 'cumulative' }), /nothing named 'type'/],
  'names a unit': [changed({ unit: 'GB' }), /nothing named 'unit'/],
  'sends half a surrogate pair': [changed({ resourceId: 'a\ud800' }), /well-formed|surrogate|Unicode|character/i],
  'sends half a surrogate pair in its metadata': [
    metadataOf({ text: '\udfff' }),
    /well-formed|surrogate|Unicode|character/i,
  ],
  'sends an id that is a number': [changed({ resourceId: 12 }), /no resource id/],
  'sends a Date as its time': [changed({ timestamp: new Date(0) }), /timestamp/],
  'sends its time as a number': [changed({ timestamp: Date.now() }), /timestamp/],
  'sends metadata of 2 MiB': [metadataOf({ text: 'x'.repeat(2 ** 21) }), /bytes/],
  'sends a Map': [metadataOf({ map: new Map() }), /metadata/],
  'sends a function': [metadataOf({ call: () => 1 }), /metadata/],
  'sends cyclic metadata': [
    metadataOf({
      get me() {
        return this;
      },
    }),
    /metadata/,
  ],
  'sends a Proxy that throws': [() => [throwing('from a proxy')], /from a proxy/],
  'sends a getter that throws': [
    metadataOf({
      get text() {
        throw new Error('from a getter');
      },
    }),
    /from a getter/,
  ],
  'sends a resource twice, with two volumes': [
    () => [bad('x', 1), bad('x', 2)],
    /produced twice.*the first is sent/,
  ],
  'returns a number': [() => 1, /nothing that yields counters/],
  'returns a string': [() => 'counters', /nothing that yields counters/],
  'returns an object': [() => ({ counters: [] }), /nothing that yields counters/],
  'returns nothing': [() => undefined, /nothing that yields counters/],
  'resolves with undefined': [() => Promise.resolve(undefined), /nothing that yields counters/],
  'returns a generator function': [() => function* () {}, /nothing that yields counters/],
  'has an invalid iterator': [() => ({ [Symbol.iterator]: () => 1 }), /./],
  'has an invalid async iterator': [() => ({ [Symbol.asyncIterator]: () => 1 }), /not a function/],
  'has an iterator with an invalid result': [
    () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(7) }) }),
    /not an object/,
  ],
  'throws undefined': [
    () => {
      throw undefined;
    },
    /undefined/,
  ],
  'throws a value that cannot be described': [
    () => {
      throw {
        toString() {
          throw new Error('no');
        },
      };
    },
    /cannot be described/,
  ],
  'rejects with undefined': [() => Promise.reject(), /undefined/],
  'rejects later': [
    async function* () {
      yield bad();
      await Promise.resolve();
      throw new Error('later');
    },
    /later/,
  ],
  'is a thenable that throws': [
    () => ({
      then() {
        throw new Error('from then');
      },
    }),
    /from then/,
  ],
  'reports an undeclared meter as missing': [
    changed({ meter: 'true.size', volume: { missing: 'error', detail: 'x' } }),
    /not in the plugin's table/,
  ],
  'reports a missing figure without a reason': [changed({ volume: {} }), /reason/],
  'never returns': [() => hang(), /not finished when the cycle ended|not returned/],
  'hangs while it yields': [
    async function* () {
      yield bad();
      await hang();
    },
    /not finished when the cycle ended|not returned/,
  ],
  'hangs when its iterator is closed': [
    () => ({
      [Symbol.asyncIterator]: () => ({ next: () => hang(), return: () => hang() }),
    }),
    /not finished when the cycle ended|not returned/,
  ],
  'yields the same counter without end': [
    function* () {
      for (;;) yield bad();
    },
    /interrupted|yields more than/,
  ],
  'yields undefined without end': [
    function* () {
      for (;;) yield undefined;
    },
    /a counter is an object/,
  ],
  loops: [
    () => {
      for (;;);
    },
    /interrupted/,
  ],
  'loops before its first counter': [
    async function* () {
      for (;;);
    },
    /interrupted/,
  ],
  'loops after its promise was created': [
    async () =>
      (function* () {
        for (;;);
      })(),
    /interrupted/,
  ],
  'loops and catches the interruption': [
    function* () {
      for (;;)
        try {
          yield bad();
          for (;;);
        } catch {
          // The same again.
        }
    },
    /interrupted/,
  ],
};

/** None changes what others send, nor what it yielded itself. */
const harmless: Readonly<Record<string, Anything>> = {
  'modifies a counter after it yielded it': async function* () {
    const one = bad() as Writable;
    yield one;
    one.volume = 2;
    one.resourceId = 'y';
    one.metadata.text = 'changed';
  },
  'yields the same object repeatedly': function* () {
    const one = bad() as Writable;
    yield one;
    yield one;
  },
  'returns an object with a getter': () => [
    Object.defineProperty({ ...bad() }, 'volume', { enumerable: true, get: () => 1 }),
  ],
  'reports a missing figure with a very long reason': () => [
    { meter: 'bad', volume: { missing: 'error', detail: 'x'.repeat(1e6) }, resourceId: 'y'.repeat(1e6) },
    bad(),
  ],
  'settles twice': () => ({
    then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
      resolve([bad()]);
      resolve([bad('y')]);
      reject(new Error('after all'));
    },
  }),
};

describe.each([
  ['before', (one: ActivePollster) => [one, honest]],
  ['after', (one: ActivePollster) => [honest, one]],
] as const)('a central pollster that runs %s the others and', (place, order) => {
  const expectTruth = ({ cycles, ofHonest, volumes }: Awaited<ReturnType<typeof twoCycles>>) => {
    expect(ofHonest.map(({ counter_name: name, resource_id: id }) => [name, id])).toEqual(
      cycles.flatMap(() => [
        ['true.moment', 'now'],
        ['true.size', 'one'],
        ['true.size', 'two'],
      ]),
    );
    expect(volumes).toEqual(cycles.flatMap(() => ['7', '9007199254740993', '3']));
    for (const { counter_name: name, resource_metadata: metadata } of ofHonest)
      expect(metadata).toEqual(name === 'true.size' ? { owner: { name: 'owner' } } : {});
  };
  // An interrupted one takes a second, in either place.
  const chosen = Object.entries(fails).filter(
    ([, [, text]]) => place === 'before' || !text.source.includes('interrupted'),
  );

  it.each(chosen)('%s affects only itself, and is named', async (_, [getCounters, text]) => {
    const result = await twoCycles(order(pollster('bad', getCounters)));
    const { errors, registry } = result;
    expectTruth(result);
    expect(errors.join('\n')).toMatch(text);
    expect(errors).toHaveLength(2);
    expect(errors.every((line) => line.startsWith("the pollster 'bad' failed") && line.length < 3_000)).toBe(true);
    expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'bad' })).toBeGreaterThan(0);
    expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'honest' })).toBe(0);
  });

  it.each(Object.entries(harmless))('%s changes nothing', async (_, getCounters) => {
    const result = await twoCycles(order(pollster('bad', getCounters)));
    expectTruth(result);
    expect(result.errors).toEqual([]);
    expect(
      result.ofBad.map(({ resource_id: id, counter_volume: volume, resource_metadata: metadata }) => [
        id,
        volume,
        metadata,
      ]),
    ).toEqual([
      ['x', 1, {}],
      ['x', 1, {}],
    ]);
  });
});

it('suspends a pollster that was interrupted, for one minute and then for two, and calls it again', async () => {
  let calls = 0;
  const loops = pollster('bad', () => {
    calls += 1;
    for (;;);
  });
  const { agent, clock, told } = await startAgent({ pollsters: [loops, honest], session });
  const cycle = () => agent.once(never).catch(() => undefined);
  await cycle();
  expect(told('error').at(-1)).toMatch(/was interrupted, and is not called for 1 min/);
  await clock.advance(59_000);
  const before = calls;
  await cycle();
  expect(told('error').at(-1)).toMatch(/is not called for some time/);
  expect(calls).toBe(before);
  await clock.advance(1_000);
  await cycle();
  expect(told('error').at(-1)).toMatch(/was interrupted, and is not called for 2 min/);
  expect(calls).toBeGreaterThan(before);
});
