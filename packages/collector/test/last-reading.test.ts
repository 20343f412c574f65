import { readFileSync } from 'node:fs';

import { NephoscopeError, readLastReadingRequest } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core';
import { FakeBus, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { createLastReadings } from '../src/last-reading.js';
import { readNotification, unwrapNotification } from '../src/notifications/read-notification.js';

const instance = '3120e7d5-e00e-49be-ae94-66941c18bbc2';

/** A notification as a real nova sent it, with other fields in its payload where the test wants that. */
function captured(name: string, fields: Record<string, unknown> = {}): Notification {
  const file = new URL(`captures/last-reading/${name}.json`, import.meta.url);
  const { body } = JSON.parse(readFileSync(file, 'utf8')) as { body: string };
  const notification = readNotification(unwrapNotification(Buffer.from(body)));
  const payload = notification.payload as Record<string, unknown>;
  const data = payload['nova_object.data'] as Record<string, unknown> | undefined;
  const changed =
    data === undefined ? { ...payload, ...fields } : { ...payload, 'nova_object.data': { ...data, ...fields } };
  return { ...notification, payload: changed as Notification['payload'] };
}

const stateUpdate = { 'nova_object.data': { new_task_state: 'deleting' } };

function lastReadings() {
  const bus = new FakeBus();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const made = createLastReadings({ bus, logger, registry });
  const count = async (result: string) => {
    const { values } = await registry.getSingleMetric('nephoscope_last_reading_requests_total')!.get();
    return values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { ...made, bus, logger, count, settled };
}

it.each([
  ['nova.compute.instance.delete.start', {}, 'delete.start', '2026-11-22 21:55:33.535900'],
  ['nova.versioned.instance.delete.start', {}, 'delete.start', '2026-11-22 21:55:33.539524'],
  [
    'nova.compute.instance.update',
    { instance_id: instance, host: 'oslab-compute-1', new_task_state: 'deleting' },
    'deleting',
    '2026-11-22 21:47:50.434379',
  ],
  [
    'nova.versioned.instance.update',
    { uuid: instance, host: 'oslab-compute-1', state_update: stateUpdate },
    'deleting',
    '2026-11-22 21:47:50.449695',
  ],
])('asks the agent of the host on %s', async (name, fields, reason, announced) => {
  const { bus, count, eventTypes, observe, settled } = lastReadings();
  const notification = captured(name, fields);
  expect(eventTypes).toContain(notification.eventType);
  observe(notification);
  expect(bus.offered).toHaveLength(1);
  const [message] = bus.offered;
  expect(message).toMatchObject({ exchange: 'ceilometer', routingKey: 'compute.oslab-compute-1' });
  expect(JSON.parse(Buffer.from(message!.body).toString('utf8'))).toEqual({ instance, reason, announced });
  expect(readLastReadingRequest(message!.body)).toEqual({ instance, reason, announced });
  await settled();
  expect(await count('sent')).toBe(1);
});

it.each([
  ['an update to another state', 'nova.compute.instance.update', {}],
  ['an update before it is on a host', 'nova.compute.instance.update', { host: null, new_task_state: 'deleting' }],
  ['a versioned update to another state', 'nova.versioned.instance.update', { host: 'h' }],
  ['a deletion of an instance on no host', 'nova.compute.instance.delete.start', { host: null }],
  ['an id that is none', 'nova.compute.instance.delete.start', { instance_id: 'compute.#' }],
  ['a host that is no text', 'nova.compute.instance.delete.start', { host: ['a'] }],
])('asks nobody on %s', (_, name, fields) => {
  const { bus, observe } = lastReadings();
  observe(captured(name, fields));
  expect(bus.offered).toEqual([]);
});

it('asks nobody on other events', () => {
  const { bus, observe } = lastReadings();
  observe({ ...captured('nova.compute.instance.delete.start'), eventType: 'compute.instance.delete.end' });
  expect(bus.offered).toEqual([]);
});

it.each([
  ['no_agent', 'BUS_UNROUTABLE', 'debug'],
  ['failed', 'BUS_UNAVAILABLE', 'warn'],
])('counts as %s what ends in %s, and throws nothing', async (result, code, level) => {
  const { bus, count, logger, observe, settled } = lastReadings();
  bus.answer = () => Promise.reject(new NephoscopeError(code, 'no'));
  observe(captured('nova.compute.instance.delete.start'));
  await settled();
  expect(await count(result)).toBe(1);
  expect(logger.entries.map((entry) => entry.level)).toEqual([level]);
});
