import { readFileSync } from 'node:fs';

import { NephoscopeError } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';
import { Secret } from '@nephoscope/core/options';
import { lastReadingReader } from '@nephoscope/message';
import { FakeBus, FakeClock, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { createLastReadings } from '../src/last-reading.js';
import { readNotification, unwrapNotification } from '../src/notifications/read-notification.js';
import { until } from './support.js';

const instance = '3120e7d5-e00e-49be-ae94-66941c18bbc2';

/** A notification as a real nova sent it; `fields` replace those of its payload. */
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

const secret = new Secret('a secret of the tests');

function lastReadings() {
  const bus = new FakeBus();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const clock = new FakeClock();
  const { eventTypes, observe } = createLastReadings({ bus, clock, logger, registry, secret });
  const read = (body: Uint8Array, host = 'oslab-compute-1') => lastReadingReader(host, [secret], clock)(body);
  const count = async (result: string) => {
    const { values } = await registry.getSingleMetric('nephoscope_last_reading_requests_total')!.get();
    return values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const stopping = new AbortController();
  return {
    ...{ bus, clock, count, eventTypes, logger, read, settled, stopping },
    observe: (notification: Notification) => observe(notification, stopping.signal),
  };
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
])('sends a request to the agent of the host on %s', async (name, fields, reason, announced) => {
  const { bus, count, eventTypes, observe, read, settled } = lastReadings();
  const notification = captured(name, fields);
  expect(eventTypes).toContain(notification.eventType);
  observe(notification);
  expect(bus.offered).toHaveLength(1);
  const [message] = bus.offered;
  expect(message).toMatchObject({ exchange: 'ceilometer', routingKey: 'last-reading.oslab-compute-1' });
  expect(read(message!.body)).toEqual({ kind: 'signed', request: { instance, reason, announced } });
  await settled();
  expect(await count('sent')).toBe(1);
});

it.each([
  ['power_off', 'powering-off'],
  ['reboot', 'reboot_pending'],
  ['suspend', 'suspending'],
  ['shelve', 'shelving'],
  ['shelve_offload', 'shelving_offloading'],
  ['resize.prep', 'resize_prep'],
  ['resize', 'resize_migrating'],
  ['resize.revert', 'resize_reverting'],
  ['rebuild', 'rebuilding'],
  ['snapshot', 'image_snapshot'],
  ['shutdown', 'deleting'],
] as const)('sends a request on %s.start in both forms, and on the state %s that precedes it', (event, state) => {
  const versioned = event.replace('.', '_');
  const host = 'oslab-compute-1';
  const stateUpdate = { 'nova_object.data': { new_task_state: state } };
  const asked = [
    captured(`nova.compute.instance.${event}.start`),
    captured(`nova.versioned.instance.${versioned}.start`),
    captured('nova.compute.instance.update', { instance_id: instance, host, new_task_state: state }),
    captured('nova.versioned.instance.update', { uuid: instance, host, state_update: stateUpdate }),
  ].map((notification) => {
    const { bus, eventTypes, observe, read } = lastReadings();
    expect(eventTypes).toContain(notification.eventType);
    observe(notification);
    expect(bus.offered).toHaveLength(1);
    expect(bus.offered[0]).toMatchObject({ routingKey: `last-reading.${host}` });
    const heard = read(bus.offered[0]!.body);
    return 'request' in heard ? heard.request : undefined;
  });
  expect(asked.map((request) => request?.reason)).toEqual([`${event}.start`, `${versioned}.start`, state, state]);
  expect(asked[0]?.instance).toBe(asked[1]?.instance);
});

it.each(['pause', 'resume', 'power_on', 'unshelve', 'finish_resize'])(
  'sends no request when %s starts',
  (event) => {
    const { bus, eventTypes, observe } = lastReadings();
    const notification = captured(`nova.compute.instance.${event}.start`);
    expect(eventTypes).not.toContain(notification.eventType);
    observe(notification);
    expect(bus.offered).toEqual([]);
  },
);

it.each([
  ['compute.instance.live_migration.pre.start', 'live_migration.pre.start'],
  ['compute.instance.live_migration._post.start', 'live_migration._post.start'],
  ['compute.instance.rescue.start', 'rescue.start'],
  ['compute.instance.soft_delete.start', 'soft_delete.start'],
])('handles %s, of which there is no recording, by its name in nova', (eventType, reason) => {
  const { bus, eventTypes, observe, read } = lastReadings();
  expect(eventTypes).toContain(eventType);
  observe({ ...captured('nova.compute.instance.power_off.start'), eventType });
  expect(read(bus.offered[0]!.body)).toMatchObject({ kind: 'signed', request: { reason } });
});

it.each([
  ['an update to another state', 'nova.compute.instance.update', {}],
  ['an update before it is on a host', 'nova.compute.instance.update', { host: null, new_task_state: 'deleting' }],
  ['a versioned update to another state', 'nova.versioned.instance.update', { host: 'h' }],
  ['a deletion of an instance on no host', 'nova.compute.instance.delete.start', { host: null }],
  ['an invalid instance id', 'nova.compute.instance.delete.start', { instance_id: 'compute.#' }],
  ['a host that is not a string', 'nova.compute.instance.delete.start', { host: ['a'] }],
  ['a host too long for a routing key', 'nova.compute.instance.delete.start', { host: 'h'.repeat(241) }],
])('sends no request on %s', (_, name, fields) => {
  const { bus, observe } = lastReadings();
  observe(captured(name, fields));
  expect(bus.offered).toEqual([]);
});

it('sends no request on other events', () => {
  const { bus, observe } = lastReadings();
  observe({ ...captured('nova.compute.instance.delete.start'), eventType: 'compute.instance.delete.end' });
  expect(bus.offered).toEqual([]);
});

it.each([
  ['no_agent', 'BUS_UNROUTABLE', 'debug'],
  ['failed', 'BUS_REFUSED', 'warn'],
])('counts as %s a request that fails with %s, and does not throw', async (result, code, level) => {
  const { bus, count, logger, observe, settled } = lastReadings();
  bus.answer = () => Promise.reject(new NephoscopeError(code, 'no'));
  observe(captured('nova.compute.instance.delete.start'));
  await settled();
  expect(await count(result)).toBe(1);
  expect(logger.entries.map((entry) => entry.level)).toEqual([level]);
});

it('sends an unsigned request to an agent of the previous version, which listens only for those', async () => {
  const { bus, count, observe, settled } = lastReadings();
  bus.answer = ({ routingKey }) =>
    routingKey.startsWith('compute.')
      ? Promise.resolve()
      : Promise.reject(new NephoscopeError('BUS_UNROUTABLE', 'no'));
  observe(captured('nova.compute.instance.delete.start'));
  await settled();
  expect(bus.confirmed.map(({ routingKey }) => routingKey)).toEqual(['compute.oslab-compute-1']);
  expect(JSON.parse(Buffer.from(bus.confirmed[0]!.body).toString('utf8'))).toEqual({
    ...{ instance, reason: 'delete.start', announced: '2026-11-22 21:55:33.535900' },
  });
  expect(await count('sent')).toBe(1);
});

it("retries while the agent's queue is full, and the request arrives once", async () => {
  const { bus, clock, count, logger, observe, read } = lastReadings();
  const full = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'the queue is full'));
  bus.answer = full;
  observe(captured('nova.compute.instance.delete.start'));
  await until('it is refused', () => clock.sleepers === 1);
  await clock.advance(20);
  await until('the second try', () => bus.offered.length === 2);
  bus.answer = () => Promise.resolve();
  await clock.advance(40);
  await until('it is sent', async () => (await count('sent')) === 1);
  expect(bus.offered).toHaveLength(3);
  const [first, ...again] = bus.offered.map(({ body }) => Buffer.from(body).toString());
  expect(read(Buffer.from(first!)).kind).toBe('signed');
  expect(again).toEqual([first, first]);
  expect(logger.entries).toEqual([]);
});

it.each(['when the request has expired', 'when the collector stops'])('stops retrying %s', async (when) => {
  const { bus, clock, count, observe, stopping } = lastReadings();
  bus.answer = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'the queue is full'));
  observe(captured('nova.compute.instance.delete.start'));
  if (when === 'when the collector stops') stopping.abort();
  else for (let ms = 0; ms < 6_000; ms += 500) await clock.advance(500);
  await until('it is given up', async () => (await count('failed')) === 1);
  const { length } = bus.offered;
  await clock.advance(10_000);
  expect(bus.offered).toHaveLength(length);
});

it('limits the pending requests while the bus confirms nothing, sends the newest first, and logs once a minute', async () => {
  const { bus, clock, count, logger, observe, read, settled } = lastReadings();
  const confirm: (() => void)[] = [];
  bus.answer = () => new Promise((resolve) => confirm.push(resolve));
  const one = captured('nova.compute.instance.delete.start');
  const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  for (let number = 0; number < 5_000; number += 1)
    observe({ ...one, payload: { ...one.payload, instance_id: id(number) } });
  expect(bus.offered).toHaveLength(100);
  confirm.shift()?.();
  await settled();
  expect(read(bus.offered.at(-1)!.body)).toMatchObject({ kind: 'signed', request: { instance: id(4_999) } });
  await clock.advance(60_000);
  expect(await count('dropped')).toBe(3_900);
  expect(logger.entries.map(({ message }) => message)).toEqual([
    'last readings that could not be requested: 1, the latest because there are too many',
    'last readings that could not be requested: 3899, the latest because there are too many',
  ]);
});
