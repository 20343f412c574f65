import { setTimeout as delay } from 'node:timers/promises';

import { isMissing } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type { DiskIo, Instance } from '@nephoscope/core/instance';
import { definePollster } from '@nephoscope/core/pollster';
import type { ComputePollster, Figure, Poll } from '@nephoscope/core/pollster';
import { z } from 'zod';

import { pollsterContract } from '../src/index.js';
import { verdictOf } from './capture.js';

const meter = { name: 'disk.read.bytes', type: 'cumulative', unit: 'B', description: 'Bytes read' } as const;
const meters = [meter];
type Asked = Poll<'disks'>;

function* sound({ inspection, instance }: Asked): Generator<Figure> {
  for (const { disk, io } of inspection.disks) {
    const resourceId = `${instance.id}-${disk.device}`;
    yield { meter: 'disk.read.bytes', volume: isMissing(io) ? io : io.readBytes, resourceId };
  }
}

const withCounters = (getCounters: ComputePollster<'disks'>['getCounters']) =>
  definePollster({ meters, reads: ['disks'], create: () => ({ getCounters }) });
const good = withCounters(sound);

pollsterContract('a sound pollster', good);
const partsOf = ({ inspection }: Asked) =>
  inspection.disks.map(({ disk, io }) => ({ key: disk.device, volume: isMissing(io) ? io : io.readBytes }));
pollsterContract(
  'a pollster of a total',
  withCounters((poll) => [{ meter: 'disk.read.bytes', parts: partsOf(poll) }]),
);
pollsterContract(
  'an asynchronous pollster',
  withCounters(async function* (poll) {
    await Promise.resolve();
    yield* sound(poll);
  }),
);
pollsterContract(
  'a pollster that promises',
  withCounters(async (poll) => [...sound(poll)]),
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

const deaf = async (poll: Asked) => {
  await delay(3_000, undefined, { ref: false });
  return [...sound(poll)];
};
const timers: NodeJS.Timeout[] = [];
afterEach(() => timers.splice(0).forEach((timer) => clearInterval(timer)));

/** A plugin with one fault, the test that must fail, and the text of its error. */
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
    test: 'accepts the options',
    says: 'strictObject',
  },
  {
    fault: 'an option without default',
    plugin: () => altered({ options: z.strictObject({ url: z.string() }) }),
    test: 'accepts the options',
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
    fault: 'an unknown part',
    plugin: () => altered({ reads: ['disks', 'gpu'] }),
    test: 'declares its meters',
    says: "'gpu'",
  },
  {
    fault: 'a meter that is never used',
    plugin: () => altered({ meters: [meter, { ...meter, name: 'disk.write.bytes' }] }),
    test: 'makes counters',
    says: 'disk.write.bytes',
  },
  {
    fault: 'an undeclared meter',
    plugin: () => withCounters(() => [{ meter: 'disk.busy', volume: 1 }]),
    test: 'makes counters',
    says: 'disk.busy',
  },
  {
    fault: 'an undeclared part',
    plugin: () => withCounters(({ inspection }) => [(inspection as never as { cpu: Figure }).cpu]),
    test: 'makes counters',
    says: "'cpu'",
  },
  {
    fault: 'a unit that was not declared',
    plugin: () => changing((figure) => ({ ...figure, unit: 'KiB' })),
    test: 'makes counters',
    says: "nothing named 'unit'",
  },
  {
    fault: 'a counter twice',
    plugin: () => withCounters((poll) => [...sound(poll), ...sound(poll)]),
    test: 'makes counters',
    says: 'twice',
  },
  {
    fault: 'a volume that is not a number',
    plugin: () => changing((figure) => ({ ...figure, volume: NaN })),
    test: 'makes counters',
    says: 'NaN',
  },
  {
    fault: 'a division by zero elapsed time',
    plugin: () =>
      changing((figure, { inspection, previous }) => ({
        ...figure,
        volume: previous === undefined ? 1 : 1 / Number(inspection.readAt - previous.readAt),
      })),
    test: 'accepts counts',
    says: 'Infinity',
  },
  {
    fault: 'a rounded count',
    plugin: () => changing((figure) => ({ ...figure, volume: Number(figure.volume) })),
    test: 'accepts counts',
    says: '2^53',
  },
  {
    fault: 'an error when a count falls',
    plugin: () =>
      changing((figure, { inspection, previous }) => {
        if (total(previous) > total(inspection)) throw new Error('it fell');
        return figure;
      }),
    test: 'accepts counts',
    says: 'it fell',
  },
  {
    fault: 'a zero instead of a missing figure',
    plugin: () =>
      withCounters(({ inspection }) =>
        inspection.disks.map(({ disk, io }) => ({
          meter: 'disk.read.bytes',
          volume: isMissing(io) ? 0n : io.readBytes,
          resourceId: disk.device,
        })),
      ),
    test: 'reports a missing figure',
    says: 'is 0',
  },
  {
    fault: 'a sum without the missing parts',
    plugin: () => withCounters(({ inspection }) => [{ meter: 'disk.read.bytes', volume: 1n + total(inspection) }]),
    test: 'reports a missing figure',
    says: 'falls',
  },
  {
    fault: 'a sum instead of its parts',
    plugin: () =>
      withCounters(({ inspection }) => {
        const lacking = inspection.disks.find(({ io }) => isMissing(io))?.io as Missing | undefined;
        return [{ meter: 'disk.read.bytes', volume: lacking ?? total(inspection) }];
      }),
    test: 'sends the parts',
    says: '{ meter, parts }',
  },
  {
    fault: 'a total that omits missing parts',
    plugin: () =>
      withCounters((poll) => [
        { meter: 'disk.read.bytes', parts: partsOf(poll).filter(({ volume }) => typeof volume !== 'object') },
      ]),
    test: 'reports a missing figure',
    says: 'is 0',
  },
  {
    fault: 'two parts under one key',
    plugin: () =>
      withCounters((poll) => [
        { meter: 'disk.read.bytes', parts: partsOf(poll).map((part) => ({ ...part, key: 'disk' })) },
      ]),
    test: 'makes counters',
    says: 'one key',
  },
  {
    fault: 'a missing figure that is not reported',
    plugin: () => withCounters((poll) => [...sound(poll)].filter(({ volume }) => typeof volume !== 'object')),
    test: 'reports a missing figure',
    says: 'yield the reason',
  },
  {
    fault: 'an error when a figure is missing',
    plugin: () =>
      withCounters(({ inspection: { disks } }) => [
        { meter: 'disk.read.bytes', volume: disks.reduce((sum, { io }) => sum + (io as DiskIo).readBytes, 0n) },
      ]),
    test: 'reports a missing figure',
    says: 'Cannot mix BigInt',
  },
  {
    fault: 'state shared within the module',
    plugin: () => {
      let polls = 0n;
      return withCounters(() => [{ meter: 'disk.read.bytes', volume: polls++ }]);
    },
    test: 'shares nothing',
    says: 'create()',
  },
  {
    fault: 'an instance kept in a field',
    plugin: () => definePollster({ meters, reads: ['disks'], create: () => new Forgetful() }),
    test: 'does not mix',
    says: 'deep-equal',
  },
  {
    fault: 'a function in its reply',
    plugin: () => changing((figure) => ({ ...figure, metadata: { now: (() => 1) as never } })),
    test: 'makes counters',
    says: 'metadata',
  },
  {
    fault: 'a result that depends on object identity',
    plugin: () => changing((figure, { instance }) => ({ ...figure, volume: Object.isFrozen(instance) ? 2n : 1n })),
    test: 'uses requests and replies',
    says: 'look at contents',
  },
  {
    fault: 'no reaction to the signal',
    plugin: () => withCounters(deaf),
    test: 'ends when its signal',
    says: 'use its signal',
  },
  {
    fault: 'a timer that is not stopped',
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

it.each(faults)('detects $fault', async ({ plugin, test, says }) => {
  expect(await verdictOf(() => pollsterContract('faulty', plugin() as typeof good), test)).toContain(says);
});

it('requires a test framework', () => {
  const framework = globalThis as { describe: unknown };
  const { describe } = framework;
  framework.describe = undefined;
  try {
    expect(() => pollsterContract('nowhere', good)).toThrow('global describe()');
  } finally {
    framework.describe = describe;
  }
});

/** Yields figures of the last instance it was called for, instead of its own. */
class Forgetful implements ComputePollster<'disks'> {
  #instance: Instance | undefined;

  async *getCounters({ instance, ...poll }: Asked) {
    this.#instance = instance;
    await Promise.resolve();
    yield* sound({ ...poll, instance: this.#instance });
  }
}

/** Changes known figures; missing ones stay missing. */
function changing(change: (figure: Figure, poll: Asked) => Figure) {
  return withCounters((poll) =>
    [...sound(poll)].map((figure) => (typeof figure.volume === 'object' ? figure : change(figure, poll))),
  );
}

function altered(fields: object): unknown {
  return Object.freeze({ ...good, ...fields });
}

function total(inspection: Asked['previous']): bigint {
  return (inspection?.disks ?? []).reduce((sum, { io }) => (isMissing(io) ? sum : sum + io.readBytes), 0n);
}
