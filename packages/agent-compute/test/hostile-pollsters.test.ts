import type { Counter } from '@nephoscope/core';
import type { InstanceReading } from '@nephoscope/core/instance';
import type { Counters, Figure, Poll } from '@nephoscope/core/pollster';
import {
  FakeClock,
  FakeInspector,
  fakeStartMonotonic,
  instanceReading,
  RecordingLogger,
} from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { runCycle } from '../src/cycle.js';
import { pollInTurn } from '../src/poll-in-turn.js';
import type { Taken } from '../src/poll-instance.js';
import { Failures } from '../src/failures.js';
import { MissingFigures } from '../src/missing-figures.js';
import { InstanceMetadata } from '../src/instance-metadata.js';
import { createAgentMetrics } from '../src/metrics.js';
import { computeOptions } from '../src/options.js';
import { createPollGroups } from '../src/poll-group.js';
import type { ActivePollster } from '../src/poll-group.js';
import { ReadingOrder } from '../src/reading-order.js';
import { hang, metric, pollster } from './support.js';

type Asked = Poll<'cpu' | 'disks'>;
type Hostile = (poll: Asked, signal: AbortSignal) => Counters<Figure>;
/** Bypasses the type checks. */
type Anything = (poll: any, signal: any) => unknown; // oxlint-disable-line typescript/no-explicit-any

const cumulative = { name: 'true.cpu', type: 'cumulative', unit: 'ns', description: 'of the tests' } as const;
const since = { name: 'true.since', type: 'gauge', unit: 'ns', description: 'of the tests' } as const;

/** Yields its input to the last digit, and what was changed in it since its last call. */
const honest = pollster<'cpu'>(
  'honest',
  [cumulative, since],
  function* ({ inspection, previous }) {
    yield { meter: 'true.cpu', volume: inspection.cpu.timeNs };
    if (previous !== undefined) yield { meter: 'true.since', volume: inspection.cpu.timeNs - previous.cpu.timeNs };
  },
  ['cpu'],
);

const times = { one: [9_007_199_254_740_993n, 9_007_199_254_741_993n], two: [3n, 10n] } as const;
const step = (at: 0 | 1) =>
  (['one', 'two'] as const).map((id) =>
    instanceReading({
      instance: { id, name: id, displayName: id },
      cpu: { timeNs: times[id][at] },
      at: at * 60,
    }),
  );

/** The counters of the honest pollster in both cycles, which must be the same beside any other. */
const truth = [
  ['true.cpu', 'one', 9_007_199_254_740_993n, 'one'],
  ['true.cpu', 'two', 3n, 'two'],
  ['true.cpu', 'one', 9_007_199_254_741_993n, 'one'],
  ['true.since', 'one', 1_000n, 'one'],
  ['true.cpu', 'two', 10n, 'two'],
  ['true.since', 'two', 7n, 'two'],
];

async function twoCycles(
  pollsters: readonly ActivePollster[],
  longest = 50,
  onTaken: (pollsters: readonly string[]) => void = () => undefined,
) {
  const logger = new RecordingLogger();
  const registry = new Registry();
  const metrics = createAgentMetrics(registry);
  const inspector = new FakeInspector(step(0), step(1));
  await inspector.start(new AbortController().signal);
  const groups = createPollGroups(
    computeOptions.parse({}),
    pollsters,
    () => new MissingFigures(metrics, logger),
    new InstanceMetadata('h'),
  );
  const clock = new FakeClock();
  const order = new ReadingOrder(clock);
  const taken: Record<string, Counter[]> = { bad: [], honest: [] };
  const failed = new Set<string>();
  for (const _ of [0, 1]) {
    const failures = new Failures(metrics, logger);
    const time = new AbortController();
    // A pollster that does not return within these turns does not return in this cycle.
    const end = setTimeout(() => time.abort(new Error('the time of the cycle is over')), longest);
    for await (const batch of runCycle(
      groups,
      { inspector, readingTime: 20_000, clock, logger, metrics, failures, order, onListed: () => undefined },
      time.signal,
    )) {
      onTaken(batch.map(({ pollster: name }) => name));
      for (const { pollster: name, counters } of batch) taken[name]!.push(...(counters as readonly Counter[]));
    }
    clearTimeout(end);
    failures.log();
    for (const name of failures.pollsters) failed.add(name);
  }
  const told = logger.entries.filter(({ level }) => level === 'error').map(({ message }) => message);
  return { taken, failed, registry, told };
}

const figures = (counters: readonly Counter[]) =>
  counters.map(({ name, resourceId, volume, resourceMetadata }) => [
    name,
    resourceId,
    volume,
    resourceMetadata['display_name'],
  ]);

const one: Figure = { meter: 'bad', volume: 1 };
const changed =
  (change: object): Anything =>
  () => [{ ...one, ...change }];
const metadataOf = (metadata: object) => changed({ metadata });
const kept: Figure[] = [];
let earlier: Asked | undefined;

/** Each affects only itself, and is reported with this text. */
const fails: Readonly<Record<string, readonly [Anything, RegExp]>> = {
  'writes into a reading': [({ inspection }) => void (inspection.cpu.timeNs = 1n), /read only/],
  'writes into the previous reading': [
    ({ inspection, previous }) => {
      if (previous !== undefined) previous.cpu.timeNs = 0n;
      return [{ meter: 'bad', volume: inspection.cpu.timeNs }];
    },
    /read only/,
  ],
  'replaces a part of a reading': [({ inspection }) => void (inspection.cpu = { timeNs: 1n }), /read only/],
  'removes a disk from a reading': [({ inspection }) => inspection.disks.pop(), /Cannot delete|read only/],
  'writes into a disk': [({ inspection }) => void (inspection.disks[0].disk.device = 'x'), /read only/],
  'writes into the instance': [({ instance }) => void (instance.id = 'other'), /read only/],
  'writes into its flavor': [({ instance }) => void (instance.flavor.name = 'x'), /read only/],
  'adds to the instance': [({ instance }) => void (instance.more = 'x'), /not extensible/],
  'replaces its instance': [(poll) => void (poll.instance = { id: 'other' }), /read only/],
  'yields one series twice': [
    () => [
      { ...one, volume: 5 },
      { ...one, volume: 3 },
    ],
    /yielded twice .* the first is sent/,
  ],
  'names a type': [changed({ type: 'delta' }), /nothing named 'type'/],
  'names a unit': [changed({ unit: 'GB' }), /nothing named 'unit'/],
  'misspells a key': [changed({ resourceID: 'one-vda' }), /nothing named 'resourceID'/],
  'names an owner': [changed({ projectId: 'another' }), /nothing named 'projectId'/],
  'names a time': [changed({ timestamp: 10n ** 18n }), /nothing named 'timestamp'/],
  'sends a volume and parts': [changed({ parts: [] }), /nothing named 'volume'/],
  'sends parts of a gauge': [changed({ volume: undefined, parts: [] }), /nothing named|only cumulative/],
  'sends another plugin’s meter': [changed({ meter: 'true.cpu' }), /not in the plugin's table/],
  'sends a meter that is an object': [changed({ meter: { toString: () => 'bad' } }), /not in the plugin's table/],
  'sends a class instance': [() => [Object.assign(new (class Mine {})(), one)], /one of a class/],
  'sends a volume as text': [changed({ volume: '1' }), /finite number/],
  'sends NaN': [changed({ volume: NaN }), /finite number/],
  'sends null as its resource': [changed({ resourceId: null }), /no resource id/],
  'sends an empty resource id': [changed({ resourceId: '' }), /no resource id/],
  'sends an invalid plugging': [changed({ plugging: 'vda' }), /plugging/],
  'sends 1 GiB': [() => [{ ...one, resourceId: 'x'.repeat(2 ** 29 - 100) }], /resource id|bytes/],
  'sends metadata of 2 MiB': [metadataOf({ text: 'x'.repeat(2 ** 21) }), /bytes/],
  'sends cyclic metadata': [
    metadataOf(
      Object.assign(
        {},
        {
          get me() {
            return this;
          },
        },
      ),
    ),
    /metadata/,
  ],
  'sends a Map': [metadataOf({ map: new Map() }), /metadata/],
  'sends a throwing getter': [
    metadataOf({
      get text() {
        throw new Error('from a getter');
      },
    }),
    /from a getter/,
  ],
  'sends toJSON': [metadataOf({ toJSON: () => ({}) }), /metadata/],
  'sends a Proxy that throws': [
    () =>
      [
        new Proxy(
          {},
          {
            get() {
              throw new Error('from a proxy');
            },
          },
        ),
      ] as never,
    /from a proxy/,
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
  'throws an error with a throwing message': [
    () => {
      throw Object.defineProperty(new Error('x'), 'message', {
        get() {
          throw new Error('no');
        },
      });
    },
    /cannot be described/,
  ],
  'throws 100 MB': [
    () => {
      throw new Error('x'.repeat(1e8));
    },
    /x{1000}…/,
  ],
  'yields without end': [
    function* () {
      for (let at = 0; ; at += 1) yield { ...one, resourceId: `${at}` };
    },
    /more than 10000 counters/,
  ],
  'yields without end, asynchronously': [
    async function* () {
      for (let at = 0; ; at += 1) yield { ...one, resourceId: `${at}` };
    },
    /more than 10000 counters|not finished when the cycle ended/,
  ],
  'reports missing figures without end': [
    function* () {
      for (;;) yield { ...one, volume: { missing: 'error', detail: 'x' } };
    },
    /more than 10000 counters/,
  ],
  'yields 17 MiB': [
    function* () {
      for (let at = 0; at < 17; at++)
        yield { ...one, resourceId: `${at}`, metadata: { text: 'x'.repeat(2 ** 20 - 2_000) } };
    },
    /more than \d+ bytes/,
  ],
  'reports a missing figure without a reason': [changed({ volume: {} }), /reason/],
  'reports a missing figure with a reason that throws': [
    changed({
      volume: {
        get missing() {
          throw new Error('from a reason');
        },
      },
    }),
    /from a reason|reason/,
  ],
  'never returns': [() => hang(), /not finished when the cycle ended|not returned/],
  'is a thenable that never calls back': [() => ({ then() {} }), /not finished when the cycle ended|not returned/],
  'is a thenable that throws': [
    () => ({
      then() {
        throw new Error('from then');
      },
    }),
    /from then/,
  ],
  'has an invalid iterator': [() => ({ [Symbol.iterator]: () => 1 }), /./],
  'rejects with undefined': [() => Promise.reject(), /undefined/],
  loops: [
    () => {
      for (;;);
    },
    /interrupted/,
  ],
  'loops while it yields': [
    function* () {
      yield one;
      for (;;);
    },
    /interrupted/,
  ],
  'loops and catches the interruption': [
    () => {
      for (;;)
        try {
          for (;;);
        } catch {
          // The same again.
        }
    },
    /interrupted/,
  ],
  'runs a regular expression without end': [() => void /^(a+)+$/.test(`${'a'.repeat(60)}b`), /interrupted/],
  'loops in a promise’s executor': [
    async () => {
      for (;;);
    },
    /interrupted/,
  ],
};

/** None changes what others send, nor what it yielded itself. */
const harmless: Readonly<Record<string, Anything>> = {
  'modifies a figure after it yielded it': function* () {
    const figure = { ...one, metadata: {} };
    yield figure;
    figure.volume = 2;
    figure.metadata = { display_name: 'changed' };
  },
  'reuses its metadata object': function* () {
    const metadata = { display_name: 'mine' };
    yield { ...one, metadata };
    metadata.display_name = 'changed';
  },
  'yields the same object for all instances': () => {
    kept.push(one);
    return kept.slice(-1);
  },
  'keeps the request of an earlier poll': (poll: Asked) => {
    earlier ??= poll;
    return [one];
  },
  'settles twice': () => ({
    then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
      resolve([one]);
      resolve([{ ...one, volume: 2 }]);
      reject(new Error('after all'));
    },
  }),
  'yields more after its end': () => {
    const figures = [one];
    setTimeout(() => figures.push({ ...one, volume: 2 }));
    return figures;
  },
};

describe.each([
  ['before', (bad: ActivePollster) => [bad, honest]],
  ['after', (bad: ActivePollster) => [honest, bad]],
] as const)('a pollster that runs %s the others and', (place, order) => {
  const bad = (getCounters: Anything) =>
    pollster<'cpu' | 'disks'>('bad', ['bad'], getCounters as Hostile, ['cpu', 'disks']);
  // An interrupted one takes a second, in either place.
  const chosen = Object.entries(fails).filter(
    ([, [, text]]) => place === 'before' || text.source !== 'interrupted',
  );

  it.each(chosen)('%s affects only itself, and is named', async (_, [getCounters, text]) => {
    const { taken, failed, registry, told } = await twoCycles(order(bad(getCounters)));
    expect(figures(taken['honest']!)).toEqual(truth);
    expect([...failed]).toEqual(['bad']);
    expect(told.join('\n')).toMatch(text);
    expect(told.every((line) => line.startsWith("the pollster 'bad' failed") && line.length < 3_000)).toBe(true);
    expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'bad' })).toBeGreaterThan(0);
    expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'honest' })).toBe(0);
  });

  it.each(Object.entries(harmless))('%s changes nothing', async (_, getCounters) => {
    const { taken, failed } = await twoCycles(order(bad(getCounters)));
    expect(figures(taken['honest']!)).toEqual(truth);
    expect([...failed]).toEqual([]);
    expect(taken['bad']!.map(({ name, resourceId, volume }) => [name, resourceId, volume])).toEqual([
      ['bad', 'one', 1],
      ['bad', 'two', 1],
      ['bad', 'one', 1],
      ['bad', 'two', 1],
    ]);
  });
});

it('is not called again until its suspension ends if it ended the program before', async () => {
  const called = (suspendedUntil: bigint) =>
    twoCycles([{ ...pollster('bad', ['bad'], () => [one]), suspendedUntil }, honest]);
  const early = await called(fakeStartMonotonic + 1n);
  expect(early.taken['bad']).toEqual([]);
  expect([...early.failed]).toEqual(['bad']);
  expect(early.told.join()).toMatch(/not called for some time/);
  expect(figures(early.taken['honest']!)).toEqual(truth);
  const { taken, failed } = await called(fakeStartMonotonic);
  expect(taken['bad']).toHaveLength(4);
  expect([...failed]).toEqual([]);
});

it('counters of others are accepted before the next looping pollster blocks the cycle', async () => {
  const happened: string[] = [];
  const looping = (name: string) =>
    pollster<'cpu'>(name, [name], () => {
      happened.push(name);
      for (;;);
    });
  const { taken, failed } = await twoCycles([honest, looping('one'), looping('two')], 50, (names) =>
    happened.push(`taken of ${[...new Set(names)].join()}`),
  );
  // On a busy host each is tried again before it is interrupted. In the second cycle both are suspended and interrupt nothing.
  const sequence = happened.filter((what, index) => what !== happened[index - 1]);
  expect(sequence).toEqual(['one', 'taken of honest', 'two', 'taken of honest']);
  expect(figures(taken['honest']!)).toEqual(truth);
  expect([...failed]).toEqual(['one', 'two']);
});

it('after an interruption between two instances each is compared with its own last reading', async () => {
  const [logger, clock] = [new RecordingLogger(), new FakeClock()];
  const metrics = createAgentMetrics(new Registry());
  const inspector = new FakeInspector(step(0), step(1));
  await inspector.start(new AbortController().signal);
  const [group] = createPollGroups(
    computeOptions.parse({}),
    [honest],
    () => new MissingFigures(metrics, logger),
    new InstanceMetadata('h'),
  );
  const tools = {
    ...{ inspector, readingTime: 20_000, clock, logger, metrics },
    ...{ failures: new Failures(metrics, logger), order: new ReadingOrder(clock), onListed: () => undefined },
  };
  const poll = (readings: readonly InstanceReading[]) =>
    pollInTurn(group!, group!.pollsters[0]!, readings, tools, new AbortController().signal) as readonly Taken[];
  poll(step(0));
  // Interrupted after the first instance and before the second was begun, as on a host without a free CPU.
  const later = step(1);
  const second = later[1]!;
  let isFirst = true;
  Object.defineProperty(later, 1, {
    get() {
      const waits = isFirst;
      isFirst = false;
      while (waits);
      return second;
    },
  });
  const taken = poll(later).flatMap(({ counters }) => counters as readonly Counter[]);
  expect(isFirst).toBe(false);
  expect(figures(taken)).toEqual(truth.slice(2));
});

it('other tasks run while a pollster yields thousands of counters without waiting', async () => {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const many = pollster<'cpu'>('bad', ['bad'], async function* () {
    for (let at = 0; at < 3_000; at++) yield { ...one, volume: at, resourceId: `${at}` };
  });
  const { taken, failed } = await twoCycles([many, honest], 60_000);
  isOver = true;
  expect([...failed]).toEqual([]);
  expect(taken['bad']).toHaveLength(4 * 3_000);
  expect(figures(taken['honest']!)).toEqual(truth);
  // One turn after each thousand, for both instances together.
  expect(turns).toBeGreaterThanOrEqual(2 * 3);
});

it('exports the time spent in each pollster as a metric', async () => {
  const { registry } = await twoCycles([honest, pollster('bad', ['bad'], () => hang())]);
  const text = await registry.metrics();
  expect(text).toMatch(/^nephoscope_plugin_seconds_count\{namespace="poll.compute",plugin="honest"\} 2$/m);
  expect(text).toMatch(/^nephoscope_plugin_seconds_count\{namespace="poll.compute",plugin="bad"\} 2$/m);
  expect(text).toMatch(/^nephoscope_plugin_seconds_sum\{namespace="poll.compute",plugin="bad"\} 0\.\d+$/m);
});
