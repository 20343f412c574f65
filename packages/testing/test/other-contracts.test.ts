import { NephoscopeError } from '@nephoscope/core';
import type { Counter, Metadata } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';
import { defineNotificationHandler } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';
import { defineCentralPollster } from '@nephoscope/core/pollster';
import type { CentralPollster, CloudFigure } from '@nephoscope/core/pollster';
import { z } from 'zod';

import {
  FakeCloud,
  FakeInspector,
  centralPollsterContract,
  instanceReading,
  inspectorContract,
  notificationHandlerContract,
  shutOffReading,
} from '../src/index.js';
import { verdictOf } from './capture.js';

const stopped = shutOffReading({ instance: { id: 'stopped', name: 'instance-0000000b' } });
const host = [instanceReading(), stopped];

describe('the inspector contract', () => {
  class Unstartable extends FakeInspector {
    override async start(): Promise<void> {
      throw new NephoscopeError('INSPECTOR_UNAVAILABLE', 'nobody listens');
    }
  }
  inspectorContract('the fake inspector', {
    create: () => new FakeInspector(host),
    createUnstartable: () => new Unstartable(),
  });

  const reading = (change: (reading: InstanceReading) => unknown) => () =>
    new FakeInspector([change(instanceReading()) as InstanceReading]);
  const faulty = (methods: Partial<Inspector>) => (): Inspector => Object.assign(new FakeInspector(host), methods);

  it.each<[fault: string, create: () => Inspector, test: string, says: string]>([
    ['a stop that works once', onceStopped, 'stops before it was started', 'stopped again'],
    ['health before start', faulty({ health: () => ({ ok: true }) }), 'is healthy from start', 'healthy before'],
    [
      'readings after the stop',
      faulty({ inspect: async () => host }),
      'is healthy from start',
      'Missing expected rejection',
    ],
    [
      'parts that were not requested',
      faulty({ inspect: async () => host }),
      'reads the requested parts',
      'that were read',
    ],
    ['an empty host', () => new FakeInspector([]), 'reads the requested parts', 'no running instance'],
    [
      'one instance twice',
      () => new FakeInspector([instanceReading(), instanceReading()]),
      'reads the requested parts',
      'read twice',
    ],
    [
      'a negative count',
      reading(() => instanceReading({ cpu: { timeNs: -1n } })),
      'reads the requested parts',
      'negative',
    ],
    [
      'no reason for operators',
      reading(() => instanceReading({ memory: { missing: 'busy', detail: '' } })),
      'reads the requested parts',
      'without a word',
    ],
    [
      'a run that changes',
      reading(({ instance, ...rest }) => ({ ...rest, instance: { ...instance, run: undefined } })),
      'reads the requested parts',
      'run',
    ],
    [
      'a different disk in each reading',
      () => new FakeInspector(host, [instanceReading({ at: 10, disks: [{ disk: { device: 'vdz' } }] })]),
      'returns the same',
      'another one',
    ],
    [
      'a function in a reading',
      reading(({ instance, ...rest }) => ({ ...rest, instance: { ...instance, restart: () => undefined } })),
      'returns plain data',
      'could not be cloned',
    ],
    [
      'a clock that goes backwards',
      () => new FakeInspector([instanceReading({ at: 10 })], [instanceReading()]),
      'returns the same',
      'earlier',
    ],
    [
      'no reaction to the signal',
      faulty({ inspect: async (_parts: ReadonlySet<InstancePart>) => host }),
      'ends when its signal',
      'Missing expected rejection',
    ],
  ])('detects %s', async (_fault, create, test, says) => {
    expect(await verdictOf(() => inspectorContract('faulty', { create }), test)).toContain(says);
  });

  it('detects a start that fails and leaves something running', async () => {
    const timers: NodeJS.Timeout[] = [];
    class Leaky extends Unstartable {
      override async start(): Promise<void> {
        // More than the test runner's own timers, some of which may end meanwhile.
        for (let leaked = 0; leaked < 50; leaked++) timers.push(setInterval(() => undefined, 60_000));
        await super.start();
      }
    }
    const contract = { create: () => new FakeInspector(host), createUnstartable: () => new Leaky() };
    try {
      expect(await verdictOf(() => inspectorContract('faulty', contract), 'undoes a start')).toContain('Timeout');
    } finally {
      timers.forEach((timer) => clearInterval(timer));
    }
  });

  function onceStopped(): Inspector {
    let stops = 0;
    return faulty({
      stop: async () => {
        if (++stops > 1) throw new Error('stopped again');
      },
    })();
  }
});

describe('the central pollster contract', () => {
  const meters = [{ name: 'image', type: 'gauge', unit: 'image', description: 'The image exists' }] as const;
  const image: CloudFigure = {
    ...{ meter: 'image', volume: 1, resourceId: 'image-1', projectId: 'project-1', userId: null, metadata: {} },
  };
  const define = (getCounters: CentralPollster['getCounters']) =>
    defineCentralPollster({ meters, create: () => ({ getCounters }) });

  centralPollsterContract(
    'a sound central pollster',
    define(async () => [image]),
  );

  it.each([
    ['no counters', define(() => []), 'makes counters', 'no counter'],
    ['an undeclared type', define(() => [{ ...image, type: 'delta' }]), 'makes counters', "nothing named 'type'"],
    [
      'a figure that is a class instance',
      define(() => [Object.assign(new (class Image {})(), image)]),
      'makes counters',
      'one of a class',
    ],
    [
      'a cloud compared by object identity',
      define((given) => (given instanceof FakeCloud ? [image] : [])),
      'requests and replies',
      'deep-equal',
    ],
    ['one counter less in each poll', fewer(), 'makes the same', 'deep-equal'],
    [
      'no reaction to the signal',
      define(() => new Promise<never>(() => undefined)),
      'ends when its signal',
      'use its signal',
    ],
  ])('detects %s', async (_fault, plugin, test, says) => {
    expect(await verdictOf(() => centralPollsterContract('faulty', plugin), test)).toContain(says);
  });

  function fewer() {
    let left = 2;
    return define(() =>
      Array.from({ length: left-- }, (_, index) => ({ ...image, resourceId: `image-${index}` })),
    );
  }
});

describe('the notification handler contract', () => {
  const meters = [{ name: 'volume.size', type: 'gauge', unit: 'GB', description: 'Size of the volume' }] as const;
  type Translate = (notification: Notification) => Iterable<Counter>;

  function text(payload: Metadata, key: string): string {
    const value = payload[key];
    if (typeof value !== 'string') throw new NephoscopeError('NOTIFICATION_INVALID', `the payload has no ${key}`);
    return value;
  }
  const sound: Translate = ({ payload }) => {
    if (payload['size'] === undefined)
      throw new NephoscopeError('NOTIFICATION_INVALID', 'the payload has no size');
    const counter: Counter = {
      name: 'volume.size',
      type: 'gauge',
      unit: 'GB',
      volume: Number(payload['size']),
      userId: null,
      projectId: text(payload, 'tenant_id'),
      resourceId: text(payload, 'volume_id'),
      timestamp: 1_795_381_200_000_000_000n,
      resourceMetadata: {},
    };
    return [counter];
  };
  const define = (
    processNotification: Translate,
    eventTypes = ['volume.create.*'],
    topicOf = (topic: string) => `${topic}.info`,
  ) =>
    defineNotificationHandler({
      meters,
      create: () => ({
        eventTypes,
        exchangeTopics: ({ notificationTopics }) => [
          { exchange: 'cinder', topics: notificationTopics.map(topicOf) },
        ],
        processNotification,
      }),
    });
  const payload = { volume_id: 'volume-1', tenant_id: 'project-1', size: 20 };
  const notifications = [
    {
      given: { eventType: 'volume.create.end', payload },
      expect: [{ name: 'volume.size', volume: 20, resourceId: 'volume-1' }],
    },
  ];

  notificationHandlerContract('a sound notification handler', define(sound), { notifications });

  const mutating: Translate = (notification) => {
    (notification.payload as Record<string, unknown>)['size'] = 1;
    return sound(notification);
  };
  it.each([
    [
      'topics that ignore the settings',
      define(sound, ['volume.*'], () => 'mine'),
      'listens to',
      "'notifications'",
    ],
    [
      'an event type that was not declared',
      define(sound, ['volume.delete.*']),
      'handles the notifications',
      'volume.create.end',
    ],
    [
      'a different volume',
      define((given) => [...sound(given)].map((counter) => ({ ...counter, volume: 21 }))),
      'makes the expected',
      'volume.size',
    ],
    [
      'an additional counter',
      define((given) =>
        [...sound(given), ...sound(given)].map((counter, index) => ({ ...counter, resourceId: `${index}` })),
      ),
      'makes the expected',
      'volume.create.end',
    ],
    ['a modified notification', define(mutating), 'makes the expected', 'read only'],
    [
      'a field called undefined',
      define((given) => [
        ...sound({ ...given, payload: { ...payload, volume_id: String(given.payload['volume_id']) } }),
      ]),
      'names the field',
      'has no resourceId',
    ],
    [
      'an error that names no field',
      define((given) => (given.payload['size'] === undefined ? failing() : sound(given))),
      'names the field',
      'does not name',
    ],
  ])('detects %s', async (_fault, plugin, test, says) => {
    expect(
      await verdictOf(() => notificationHandlerContract('faulty', plugin, { notifications }), test),
    ).toContain(says);
  });

  it.each([
    ['a different id each time', () => String(Math.random()), 'another one each time'],
    ['an empty id', () => '', 'is empty'],
  ])('detects %s of an event', async (_fault, eventId, says) => {
    const plugin = defineNotificationHandler({
      meters,
      create: (settings) => ({ ...define(sound).create(settings), eventId }),
    });
    expect(
      await verdictOf(() => notificationHandlerContract('faulty', plugin, { notifications }), 'has one id'),
    ).toContain(says);
  });

  it('detects options that accept any key', async () => {
    const plugin = Object.freeze({ ...define(sound), options: z.looseObject({}) }) as unknown as ReturnType<
      typeof define
    >;
    expect(
      await verdictOf(
        () => notificationHandlerContract('faulty', plugin, { notifications }),
        'accepts the options',
      ),
    ).toContain('strictObject');
  });

  function failing(): never {
    throw new Error('it did not work');
  }
});
