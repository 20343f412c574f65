import type { ServiceSettings } from '@nephoscope/core';
import { notificationHandlerContract } from '@nephoscope/testing';

import { capturedNotification, withNovaObject, withPayload } from './captured.js';
import { createHandler, plugins } from './plugins.js';

const unversioned = capturedNotification('compute.instance.create.end');
const versioned = capturedNotification('instance.create.end');
const bootingTime = { name: 'compute.instance.booting.time', type: 'gauge', unit: 'sec' } as const;

// created_at 21:47:49, launched_at 21:48:00.024365
notificationHandlerContract('instance_booting_time', plugins.instanceBootingTime, {
  notifications: [{ given: unversioned, expect: [{ ...bootingTime, volume: 11.024365 }] }],
});
it('is in whole seconds in the versioned form', () => {
  const handler = createHandler('instanceBootingTime', { format: 'versioned' });
  expect([...handler.processNotification(versioned)]).toEqual([
    expect.objectContaining({ ...bootingTime, volume: 11 }),
  ]);
});

const volumeOf = (changes: Record<string, string | number | null>) =>
  [...createHandler('instanceBootingTime').processNotification(withPayload(unversioned, changes))].map(
    ({ volume }) => volume,
  );

it('uses the form with fractions of a second unless the other one is configured', () => {
  const types = (format?: ServiceSettings['format']) =>
    createHandler('instanceBootingTime', { format }).eventTypes;
  const topics = (format?: ServiceSettings['format']) =>
    createHandler('instanceBootingTime', { format }).exchangeTopics({ notificationTopics: ['notifications'] });
  expect(types()).toEqual(['compute.instance.create.end']);
  expect(types('unversioned')).toEqual(['compute.instance.create.end']);
  expect(types('versioned')).toEqual(['instance.create.end']);
  expect(topics()).toEqual([{ exchange: 'nova', topics: ['notifications.info'] }]);
  expect(topics('versioned')).toEqual([{ exchange: 'nova', topics: ['versioned_notifications.info'] }]);
});

it.each([
  ['2026-11-22 21:47:49+00:00', '2026-11-22T21:47:49.000001', 0.000001],
  ['2026-11-22T21:47:49Z', '2026-11-22T21:47:49Z', 0],
  ['2026-11-22 21:47:49+00:00', '2026-11-23T21:47:49.5', 86_400.5],
  ['2026-11-22 22:47:49+01:00', '2026-11-22T21:47:50.1', 1.1],
])('from %s to %s is %d s', (created_at, launched_at, seconds) => {
  expect(volumeOf({ created_at, launched_at })).toEqual([seconds]);
});

it.each(['created_at', 'launched_at'])('requires %s', (field) => {
  for (const value of [null, '', 7])
    expect(() => volumeOf({ [field]: value })).toThrow(
      expect.objectContaining({
        code: 'NOTIFICATION_FIELD',
        message: expect.stringContaining(`payload.${field}`),
      }),
    );
  expect(() => volumeOf({ [field]: 'soon' })).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }));
  const lacking = withNovaObject(versioned, ['nova_object.data'], { [field]: undefined });
  expect(() => [...createHandler('instanceBootingTime').processNotification(lacking)]).toThrow(field);
});

it('is omitted if clocks disagree', () => {
  expect(() => volumeOf({ launched_at: '2026-11-22T21:47:48.9' })).toThrow(
    'payload.launched_at of the notification is before payload.created_at',
  );
});
