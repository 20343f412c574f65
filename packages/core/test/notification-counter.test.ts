import { defineServiceNotifications, notificationCounter } from '../src/exports/notification.js';
import type { Notification } from '../src/exports/notification.js';
import type { Counter, Meter } from '../src/index.js';

const meter: Meter = { name: 'thing:<kind>', type: 'gauge', unit: 'thing', description: 'A thing' };

const notification: Notification = {
  messageId: 'm-1',
  eventType: 'thing.create.end',
  publisherId: 'thing.controller-1',
  timestamp: '2026-11-22 21:00:00.194936',
  priority: 'INFO',
  payload: {},
  context: {},
};

const figure = {
  volume: 1,
  resourceId: 't-1',
  projectId: null,
  userId: 'u-1',
  metadata: { size: 3, host: 'of the payload' },
};

it('makes a counter of a notification, with the publisher as its host', () => {
  expect(notificationCounter(notification, meter, { ...figure, name: 'thing:small' })).toEqual<Counter>({
    name: 'thing:small',
    type: 'gauge',
    unit: 'thing',
    volume: 1,
    userId: 'u-1',
    projectId: null,
    resourceId: 't-1',
    timestamp: 1_795_381_200_194_936_000n,
    resourceMetadata: { size: 3, event_type: 'thing.create.end', host: 'thing.controller-1' },
  });
});

it('names an invalid timestamp in the error', () => {
  expect(() => notificationCounter({ ...notification, timestamp: 'now' }, meter, figure)).toThrow(
    expect.objectContaining({
      code: 'NOTIFICATION_FIELD',
      message: expect.stringContaining('timestamp') as string,
    }) as Error,
  );
});

it('uses the message id if the plugin returns no event id', () => {
  const plugin = defineServiceNotifications({
    service: 'things',
    exchanges: ['things'],
    eventTypes: ['thing.create.end'],
    meters: [meter],
    counters: () => [],
  });
  const settings = { options: plugin.options.parse({}), host: 'controller-1' };
  const handler = plugin.create(settings as Parameters<typeof plugin.create>[0]);
  expect('eventId' in handler).toBe(false);
  expect(handler.exchangeTopics({ notificationTopics: ['a', 'b'] })).toEqual([
    { exchange: 'things', topics: ['a.info', 'b.info'] },
  ]);
});
