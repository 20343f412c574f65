import { setTimeout as delay } from 'node:timers/promises';

import { definePollster, isMissing } from '@nephoscope/core';
import type { ComputePollManager, ComputePollster, Counter, DiskIo, Instance, Missing } from '@nephoscope/core';
import { z } from 'zod';

import { pollsterContract } from '../src/index.js';
import { verdictOf } from './capture.js';

const meter = { name: 'disk.read.bytes', type: 'cumulative', unit: 'B', description: 'Bytes read' } as const;
const meters = [meter];
type Manager = ComputePollManager<'disks'>;

function* sound({ counter, inspection, missing }: Manager, instance: Instance): Generator<Counter> {
  for (const { disk, io } of inspection.disks) {
    const resourceId = `${instance.id}-${disk.device}`;
    if (isMissing(io)) missing('disk.read.bytes', io, resourceId);
    else yield counter('disk.read.bytes', io.readBytes, { resourceId });
  }
}

const withCounters = (getCounters: ComputePollster<'disks'>['getCounters']) =>
  definePollster({ meters, reads: ['disks'], create: () => ({ getCounters }) });
const good = withCounters(sound);

pollsterContract('a sound pollster', good);
const partsOf = ({ inspection }: Manager) =>
  inspection.disks.map(({ disk, io }) => ({ key: disk.device, volume: isMissing(io) ? io : io.readBytes }));
pollsterContract(
  'a pollster of a total',
  withCounters((manager) => [manager.total('disk.read.bytes', partsOf(manager))]),
);
pollsterContract(
  'an asynchronous pollster',
  withCounters(async function* (manager, instance) {
    await Promise.resolve();
    yield* sound(manager, instance);
  }),
);
pollsterContract(
  'a pollster that promises',
  withCounters(async (manager, instance) => [...sound(manager, instance)]),
);
pollsterContract(
  'a pollster that needs options',
  definePollster({
    meters,
    reads: ['disks'],
    options: z.strictObject({ only: z.string() }),
    create: () => ({ getCounters: sound }),
  }),
  { options: { only: 'vda' } },
);

const deaf = async (manager: Manager, instance: Instance) => {
  await delay(3_000, undefined, { ref: false });
  return [...sound(manager, instance)];
};
const timers: NodeJS.Timeout[] = [];
afterEach(() => timers.splice(0).forEach((timer) => clearInterval(timer)));

/** A plugin with one fault, the test that must fail for it, and what it must say. */
interface Fault {
  readonly fault: string;
  readonly plugin: () => unknown;
  readonly test: string;
  readonly says: string;
}

const faults: readonly Fault[] = [
  {
    fault: 'not made by definePollster',
    plugin: () => Object.fromEntries(Object.entries(good)),
    test: 'is a plugin',
    says: 'define…()',
  },
  { fault: 'not frozen', plugin: () => ({ ...good }), test: 'is a plugin', says: 'not frozen' },
  {
    fault: 'options that take any key',
    plugin: () => altered({ options: z.looseObject({}) }),
    test: 'takes the options',
    says: 'strictObject',
  },
  {
    fault: 'an option without default',
    plugin: () => altered({ options: z.strictObject({ url: z.string() }) }),
    test: 'takes the options',
    says: 'defaults',
  },
  { fault: 'no meters', plugin: () => altered({ meters: [] }), test: 'declares its meters', says: 'no meters' },
  {
    fault: 'a wrong meter name',
    plugin: () => altered({ meters: [{ ...meter, name: 'Disk Bytes' }] }),
    test: 'declares its meters',
    says: 'not a meter name',
  },
  {
    fault: 'a wrong meter type',
    plugin: () => altered({ meters: [{ ...meter, type: 'counter' }] }),
    test: 'declares its meters',
    says: "'counter'",
  },
  {
    fault: 'a meter without description',
    plugin: () => altered({ meters: [{ ...meter, description: ' ' }] }),
    test: 'declares its meters',
    says: 'no description',
  },
  {
    fault: 'a part that there is not',
    plugin: () => altered({ reads: ['disks', 'gpu'] }),
    test: 'declares its meters',
    says: "'gpu'",
  },
  {
    fault: 'a meter never emitted',
    plugin: () => altered({ meters: [meter, { ...meter, name: 'disk.write.bytes' }] }),
    test: 'makes counters',
    says: 'disk.write.bytes',
  },
  {
    fault: 'a meter not declared',
    plugin: () => withCounters(({ counter }) => [counter('disk.busy', 1)]),
    test: 'makes counters',
    says: 'disk.busy',
  },
  {
    fault: 'a part not declared',
    plugin: () => withCounters(({ inspection }) => [(inspection as never as { cpu: Counter }).cpu]),
    test: 'makes counters',
    says: "'cpu'",
  },
  {
    fault: 'another unit',
    plugin: () => changing((counter) => ({ ...counter, unit: 'KiB' })),
    test: 'makes counters',
    says: 'not as its meter is declared',
  },
  {
    fault: 'a counter twice',
    plugin: () => withCounters((...given) => [...sound(...given), ...sound(...given)]),
    test: 'makes counters',
    says: 'twice',
  },
  {
    fault: 'a volume that is not a number',
    plugin: () => changing((counter) => ({ ...counter, volume: NaN })),
    test: 'makes counters',
    says: 'NaN',
  },
  {
    fault: 'a division by no time',
    plugin: () =>
      changing((counter, { inspection, previous }) => ({
        ...counter,
        volume: previous === undefined ? 1 : 1 / Number(inspection.readAt - previous.readAt),
      })),
    test: 'bears counts',
    says: 'Infinity',
  },
  {
    fault: 'a rounded count',
    plugin: () => changing((counter) => ({ ...counter, volume: Number(counter.volume) })),
    test: 'bears counts',
    says: '2^53',
  },
  {
    fault: 'an error at a fall',
    plugin: () =>
      changing((counter, { inspection, previous }) => {
        if (total(previous) > total(inspection)) throw new Error('it fell');
        return counter;
      }),
    test: 'bears counts',
    says: 'it fell',
  },
  {
    fault: 'a zero for what is missing',
    plugin: () =>
      withCounters(({ counter, inspection }) =>
        inspection.disks.map(({ disk, io }) =>
          counter('disk.read.bytes', isMissing(io) ? 0n : io.readBytes, { resourceId: disk.device }),
        ),
      ),
    test: 'says of a missing figure',
    says: 'is 0',
  },
  {
    fault: 'a sum of what is left',
    plugin: () => withCounters(({ counter, inspection }) => [counter('disk.read.bytes', 1n + total(inspection))]),
    test: 'says of a missing figure',
    says: 'falls',
  },
  {
    fault: 'a sum where its parts are wanted',
    plugin: () =>
      withCounters(({ counter, inspection, missing }) => {
        const lacking = inspection.disks.find(({ io }) => isMissing(io))?.io;
        if (lacking === undefined) return [counter('disk.read.bytes', total(inspection))];
        missing('disk.read.bytes', lacking as Missing);
        return [];
      }),
    test: 'hands over the parts',
    says: 'manager.total()',
  },
  {
    fault: 'a total without the parts that are missing',
    plugin: () =>
      withCounters((manager) => [
        manager.total(
          'disk.read.bytes',
          partsOf(manager).filter(({ volume }) => typeof volume !== 'object'),
        ),
      ]),
    test: 'says of a missing figure',
    says: 'is 0',
  },
  {
    fault: 'two parts under one key',
    plugin: () =>
      withCounters((manager) => [
        manager.total(
          'disk.read.bytes',
          partsOf(manager).map((part) => ({ ...part, key: 'disk' })),
        ),
      ]),
    test: 'makes counters',
    says: 'one key',
  },
  {
    fault: 'silence about what is missing',
    plugin: () => withCounters((manager, instance) => sound({ ...manager, missing: () => undefined }, instance)),
    test: 'says of a missing figure',
    says: 'manager.missing()',
  },
  {
    fault: 'an error at what is missing',
    plugin: () =>
      withCounters(({ counter, inspection }) => [
        counter(
          'disk.read.bytes',
          inspection.disks.reduce((sum, { io }) => sum + (io as DiskIo).readBytes, 0n),
        ),
      ]),
    test: 'says of a missing figure',
    says: 'Cannot mix BigInt',
  },
  {
    fault: 'state of the module',
    plugin: () => {
      let polls = 0n;
      return withCounters(({ counter }) => [counter('disk.read.bytes', polls++)]);
    },
    test: 'shares nothing',
    says: 'create()',
  },
  {
    fault: 'the instance in a field',
    plugin: () => definePollster({ meters, reads: ['disks'], create: () => new Forgetful() }),
    test: 'does not mix',
    says: 'deep-equal',
  },
  {
    fault: 'no ear for the signal',
    plugin: () => withCounters(deaf),
    test: 'ends when its signal',
    says: 'manager.signal',
  },
  {
    fault: 'a timer that goes on',
    plugin: () =>
      definePollster({
        meters,
        reads: ['disks'],
        create: () => {
          timers.push(setInterval(() => undefined, 60_000));
          return { getCounters: sound };
        },
      }),
    test: 'leaves no handle',
    says: 'Timeout',
  },
];

it.each(faults)('finds $fault', async ({ plugin, test, says }) => {
  expect(await verdictOf(() => pollsterContract('faulty', plugin() as typeof good), test)).toContain(says);
});

it('asks for a test framework where there is none', () => {
  const framework = globalThis as { describe: unknown };
  const { describe } = framework;
  framework.describe = undefined;
  try {
    expect(() => pollsterContract('nowhere', good)).toThrow('global describe()');
  } finally {
    framework.describe = describe;
  }
});

/** Takes whichever instance came last for the one that it was called for. */
class Forgetful implements ComputePollster<'disks'> {
  #instance: Instance | undefined;

  async *getCounters(manager: Manager, instance: Instance) {
    this.#instance = instance;
    await Promise.resolve();
    yield* sound(manager, this.#instance);
  }
}

function changing(change: (counter: Counter, manager: Manager) => Counter) {
  return withCounters((manager, instance) =>
    [...sound(manager, instance)].map((counter) => change(counter, manager)),
  );
}

function altered(fields: object): unknown {
  return Object.freeze({ ...good, ...fields });
}

function total(inspection: Manager['previous']): bigint {
  return (inspection?.disks ?? []).reduce((sum, { io }) => (isMissing(io) ? sum : sum + io.readBytes), 0n);
}
