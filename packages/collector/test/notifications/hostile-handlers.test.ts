import type { Counter } from '@nephoscope/core';
import { defineNotificationHandler } from '@nephoscope/core/notification';
import type { NotificationHandler } from '@nephoscope/core/notification';
import { readMeteringMessage, splitMeteringBatch } from '@nephoscope/message';
import { FakeBus, FakeClock } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { createHandlers } from '../../src/notifications/handlers.js';
import { NotificationListener } from '../../src/notifications/listener.js';
import { notificationsOptions } from '../../src/notifications/options.js';
import { metric, secret, until } from '../support.js';
import { delivery, enveloped, RecordingRoot, volumeCreated } from './material.js';

/** Bypasses the type checks. */
// oxlint-disable-next-line typescript/no-explicit-any
type Writable = any;
type Anything = (notification: Writable) => unknown;

const meter = (name: string) => ({ name, type: 'gauge', unit: 'GB', description: 'of the tests' }) as const;
const counterOf = ({ payload }: Writable, name: string): Counter => ({
  ...{
    name,
    type: 'gauge',
    unit: 'GB',
    volume: payload.size,
    userId: payload.user_id,
    projectId: payload.tenant_id,
  },
  ...{
    resourceId: payload.volume_id,
    timestamp: 1_795_381_200_000_000_000n,
    resourceMetadata: { tags: payload.tags },
  },
});

/** A plugin as the collector finds it in another package. */
const pluginOf = (name: string, handler: Partial<Record<keyof NotificationHandler, unknown>>) => ({
  declared: {
    ...{ namespace: 'collector' as const, name, packageName: `@example/${name}`, packageVersion: '1.0.0' },
    ...{ packageDirectory: `/there/is/none/${name}`, export: '.' },
  },
  plugin: defineNotificationHandler({
    meters: [meter(name)],
    create: () =>
      ({
        eventTypes: ['volume.*'],
        exchangeTopics: () => [{ exchange: 'cinder', topics: ['notifications.info'] }],
        ...handler,
      }) as NotificationHandler,
  }),
  options: {},
});

/** Returns the figures of the notification, to the last digit. */
const honest = pluginOf('honest', {
  *processNotification(notification: Writable) {
    yield counterOf(notification, 'honest');
  },
});
const bad = (processNotification: Anything, more = {}) => pluginOf('bad', { processNotification, ...more });

const sizes = ['9007199254740993', '7'];
const announced = sizes.map((size, index) =>
  enveloped(
    JSON.stringify({
      ...volumeCreated,
      message_id: `announced-${index}`,
      payload: { ...volumeCreated.payload, size: 'SIZE', tags: ['a', 'b'] },
    }).replace('"SIZE"', size),
  ),
);

async function hear(plugins: readonly ReturnType<typeof pluginOf>[]) {
  const [bus, clock, logger, registry] = [new FakeBus(), new FakeClock(), new RecordingRoot(), new Registry()];
  const { handlers, failedPlugins } = createHandlers({ active: plugins, inactive: [] }, ['notifications'], {
    ...{ logger, clock, host: 'controller-1' },
  });
  const listener = new NotificationListener({
    options: notificationsOptions.parse({}),
    ...{ source: 'openstack', host: 'controller-1', secrets: [secret], signature: 'canonical' },
    ...{ bus, handlers, failedPlugins, logger, clock, registry },
  });
  await listener.start();
  const deadLetters = [];
  for (const body of announced) {
    const deadLetter = delivery(body);
    bus.send(deadLetter);
    await until('it is settled', () => deadLetter.outcome !== undefined);
    deadLetters.push(deadLetter);
  }
  await listener.stop();
  const samples = bus.confirmed.flatMap(({ body }) =>
    Array.from(splitMeteringBatch(body), (line) => readMeteringMessage(line as string).sample),
  );
  const of = (name: string) => samples.filter((sample) => sample.meter === name);
  const told = logger.entries
    .filter(({ level }) => level === 'warn' || level === 'error')
    .map(({ message }) => message);
  const count = (name: string, plugin?: string) =>
    plugin === undefined
      ? metric(registry, `nephoscope_collector_${name}`)
      : metric(registry, `nephoscope_plugin_${name}`, { namespace: 'collector', plugin });
  return { bus, clock, deadLetters, of, told, count };
}

const changed =
  (change: object): Anything =>
  (notification) => [{ ...counterOf(notification, 'bad'), ...change }];
const metadataOf = (resourceMetadata: object) => changed({ resourceMetadata });
const throws =
  (error: unknown): Anything =>
  () => {
    throw error;
  };

/** Each affects only its own counters, and is reported with this text. */
const fails: Readonly<Record<string, readonly [Anything, RegExp, object?]>> = {
  'writes into the notification': [(notification) => void (notification.payload = {}), /TypeError/],
  'writes into its payload': [({ payload }) => void (payload.size = 1n), /TypeError/],
  'writes into its payload below the top level': [({ payload }) => void payload.tags.push('c'), /TypeError/],
  'writes into its context': [({ context }) => void (context.user_id = 'x'), /TypeError/],
  'replaces its message id': [(notification) => void (notification.messageId = 'other'), /TypeError/],
  'sends fields of another plugin’s sample': [
    changed({ message_id: 'x', source: 'mine' }),
    /nothing named 'message_id'/,
  ],
  'sends NaN': [changed({ volume: NaN }), /finite number/],
  'sends a volume as text': [changed({ volume: '7' }), /finite number/],
  'sends no volume': [changed({ volume: undefined }), /finite number/],
  'sends another plugin’s meter': [changed({ name: 'honest' }), /not in the plugin's table/],
  'sends a type that it did not declare': [changed({ type: 'delta' }), /not in the plugin's table/],
  'sends a unit that it did not declare': [changed({ unit: 'TB' }), /not in the plugin's table/],
  'sends half a surrogate pair': [changed({ resourceId: '\ud83d' }), /COUNTER_INVALID/],
  'sends half a surrogate pair in its metadata': [metadataOf({ text: '\ud83d' }), /COUNTER_INVALID/],
  'sends its time as a number': [changed({ timestamp: 1 }), /timestamp/],
  'sends metadata of 2 MiB': [metadataOf({ text: 'x'.repeat(2 ** 21) }), /bytes/],
  'sends a Map': [metadataOf({ map: new Map() }), /COUNTER_INVALID/],
  'sends cyclic metadata': [
    metadataOf({
      get me() {
        return this;
      },
    }),
    /COUNTER_INVALID/,
  ],
  'sends a Proxy that throws': [
    () => [
      new Proxy(
        {},
        {
          get() {
            throw new Error('no');
          },
        },
      ),
    ],
    /Error at/,
  ],
  'sends a resource twice': [
    (notification) => [counterOf(notification, 'bad'), counterOf(notification, 'bad')],
    /produced twice/,
  ],
  'yields without end': [
    function* (notification: Writable) {
      for (let at = 0; ; at++) yield { ...counterOf(notification, 'bad'), resourceId: `${at}` };
    },
    /more than 10000/,
  ],
  'yields 17 MiB': [
    function* (notification: Writable) {
      for (let at = 0; at < 17; at++)
        yield {
          ...counterOf(notification, 'bad'),
          resourceId: `${at}`,
          resourceMetadata: { text: 'x'.repeat(2 ** 20 - 1_000) },
        };
    },
    /more than 16777216 bytes/,
  ],
  'returns nothing': [() => undefined, /TypeError/],
  'returns a number': [() => 3, /TypeError/],
  promises: [(notification) => Promise.resolve([counterOf(notification, 'bad')]), /TypeError/],
  'is asynchronous': [
    async function* (notification: Writable) {
      yield counterOf(notification, 'bad');
    },
    /TypeError/,
  ],
  'fails after it yielded': [
    function* (notification: Writable) {
      yield counterOf(notification, 'bad');
      throw new RangeError('no');
    },
    /RangeError at/,
  ],
  'throws undefined': [throws(undefined), /not an error/],
  'throws a string': [throws('password=secret'), /it threw a value that is not an error/],
  'throws a value that cannot be described': [
    throws(
      Object.defineProperty(new Error('x'), 'stack', {
        get() {
          throw new Error('no');
        },
      }),
    ),
    /cannot be described/,
  ],
  'throws 100 MB': [throws(new Error('x'.repeat(1e8))), /Error/],
  'has an invalid event id': [
    (notification) => [counterOf(notification, 'bad')],
    /event id/,
    { eventId: () => ({}) },
  ],
  'has an empty event id': [(notification) => [counterOf(notification, 'bad')], /event id/, { eventId: () => '' }],
  'has an event id that loops': [
    () => [],
    /blocked the program/,
    {
      eventId() {
        for (;;);
      },
    },
  ],
  loops: [
    () => {
      for (;;);
    },
    /blocked the program/,
  ],
  'loops while it yields': [
    function* (notification: Writable) {
      yield counterOf(notification, 'bad');
      for (;;);
    },
    /blocked the program/,
  ],
};

/** None changes what others return, nor what it returned itself. */
const harmless: Readonly<Record<string, Anything>> = {
  'modifies a counter after it yielded it': function* (notification: Writable) {
    const one = counterOf(notification, 'bad') as Writable;
    yield one;
    one.volume = 1;
    one.resourceMetadata.tags = 'changed';
  },
  'modifies its list after it returned': (notification: Writable) => {
    const counters = [counterOf(notification, 'bad')];
    setTimeout(() => counters.splice(0, 1));
    return counters;
  },
};

const truth = ['9007199254740993', '7'];

describe.each([
  ['before', (one: ReturnType<typeof pluginOf>) => [one, honest]],
  ['after', (one: ReturnType<typeof pluginOf>) => [honest, one]],
] as const)('a notification plugin that runs %s the others and', (place, order) => {
  const expectTruth = ({ of }: Awaited<ReturnType<typeof hear>>, name = 'honest') =>
    expect(of(name)).toMatchObject(
      truth.map((volume) => ({
        volume,
        ...{ resourceId: 'volume-1', projectId: 'project-1', userId: 'user-1' },
        text: expect.stringContaining('"resource_metadata":{"tags":["a","b"]}'),
      })),
    );
  const chosen = Object.entries(fails).filter(
    ([, [, text]]) => place === 'before' || text.source !== 'blocked the program',
  );

  it.each(chosen)('%s affects only itself, and is named', async (_, [process, text, more]) => {
    const result = await hear(order(bad(process, more)));
    const { count, deadLetters, of, told } = result;
    expectTruth(result);
    expect(of('bad')).toEqual([]);
    for (const { dead } of deadLetters)
      expect(dead.map(({ reason }) => reason)).toEqual([expect.stringMatching(text)]);
    expect(deadLetters[0]!.dead[0]!.reason).toMatch(/^failed: plugin 'bad': /);
    expect(told.length).toBeGreaterThan(0);
    expect(told[0]).toMatch(/plugin 'bad'/);
    expect(told.every((line) => line.length < 3_000)).toBe(true);
    expect(await count('failures_total', 'bad')).toBe(2);
    expect(await count('failures_total', 'honest')).toBe(0);
    expect(await count('samples_total', 'honest')).toBe(2);
  });

  it.each(Object.entries(harmless))('%s changes nothing', async (_, process) => {
    const result = await hear(order(bad(process)));
    expectTruth(result);
    expectTruth(result, 'bad');
    expect(result.deadLetters.flatMap(({ dead }) => dead)).toEqual([]);
  });
});

describe('a notification plugin with invalid properties', () => {
  it.each([
    ['event types that are not a list', { eventTypes: 'volume.*' }],
    ['event types that throw', Object.defineProperty({}, 'eventTypes', { enumerable: true, get: () => 7 })],
    ['no exchange', { exchangeTopics: () => undefined }],
    ['an invalid exchange', { exchangeTopics: () => [{ exchange: 7, topics: ['x'] }] }],
    ['topics that are not a list', { exchangeTopics: () => [{ exchange: 'x', topics: 'notifications' }] }],
    ['a promise of exchanges', { exchangeTopics: () => Promise.resolve([]) }],
  ])('%s: affects only itself, and is named', async (_, more) => {
    const { count, of, told } = await hear([bad(() => [], more), honest]);
    expect(of('honest').map(({ volume }) => volume)).toEqual(truth);
    expect(told).toEqual([
      expect.stringMatching(/^the notification plugin 'bad' does not run, its meters are missing/),
    ]);
    expect(await count('plugin_failures')).toBe(1);
  });
});

it('suspends a plugin that was interrupted, first for one minute and then for two', async () => {
  let calls = 0;
  const clock = new FakeClock();
  const { handlers } = createHandlers(
    {
      active: [
        bad(() => {
          calls += 1;
          for (;;);
        }),
      ],
      inactive: [],
    },
    ['notifications'],
    { logger: new RecordingRoot(), clock, host: 'controller-1' },
  );
  const [handler] = handlers;
  const call = () => handler!.run(() => handler!.handler.processNotification({} as never));
  expect(call).toThrow(/is not called for 1 min/);
  const before = calls;
  await clock.advance(59_000);
  expect(call).toThrow(/is not called for some time/);
  expect(calls).toBe(before);
  await clock.advance(1_000);
  expect(call).toThrow(/is not called for 2 min/);
  expect(calls).toBeGreaterThan(before);
});

it('exports the time spent in each plugin as a metric', async () => {
  const { count } = await hear([honest, bad(() => [])]);
  expect(await count('seconds', 'honest')).toBeGreaterThan(0);
  expect(await count('seconds', 'bad')).toBeGreaterThan(0);
});
