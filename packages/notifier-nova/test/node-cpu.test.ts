import { parseTimestamp } from '@nephoscope/core';
import type { Metadata } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';
import { notificationHandlerContract } from '@nephoscope/testing';

import { capturedNotification, withContext, withPayload } from './captured.js';
import { createHandler, plugins } from './plugins.js';

const unversioned = capturedNotification('compute.metrics.update');
const versioned = capturedNotification('metrics.update');
const lines = [
  'iowait.time cumulative 12260000000 ns',
  'idle.percent gauge 59 percent',
  'frequency gauge 2596 MHz',
  'kernel.time cumulative 211850000000 ns',
  'user.percent gauge 34 percent',
  'percent gauge 40 percent',
  'kernel.percent gauge 6 percent',
  'user.time cumulative 673160000000 ns',
  'idle.time cumulative 5055410000000 ns',
  'iowait.percent gauge 0 percent',
];

notificationHandlerContract('node_cpu', plugins.nodeCpu, {
  notifications: [unversioned, versioned].map((given) => ({
    given,
    expect: lines.map((line) => {
      const [name, type, volume, unit] = line.split(' ') as [string, 'gauge' | 'cumulative', string, string];
      return { name: `compute.node.cpu.${name}`, type, volume: Number(volume), unit };
    }),
  })),
});

const count = (notification: Notification) => [...createHandler('nodeCpu').processNotification(notification)];
const withMetric = (fields: Metadata) =>
  withPayload(unversioned, {
    metrics: [{ name: 'cpu.percent', timestamp: '2026-11-22T21:48:30', source: null, value: 0.5, ...fields }],
  });

it('belongs to the node, without an owner, at the time of the metric', () => {
  expect(count(unversioned)[0]).toMatchObject({
    resourceId: 'oslab-compute-1_vm',
    userId: null,
    projectId: null,
    timestamp: parseTimestamp('2026-11-22T21:48:30.420740'),
    resourceMetadata: {
      event_type: 'compute.metrics.update',
      host: 'compute.vm',
      source: 'libvirt.LibvirtDriver',
    },
  });
});

it("has the notification's time in the versioned form, which truncates the metric's to the second", () => {
  expect(count(versioned)[0]).toMatchObject({
    resourceId: 'oslab-compute-1_vm',
    timestamp: parseTimestamp('2026-11-22 21:48:30.428014'),
    resourceMetadata: { event_type: 'compute.metrics.update', host: 'compute.oslab-compute-1' },
  });
});

it('has whole percent, as before nova divided them', () => {
  for (let percent = 0; percent <= 100; percent += 1)
    expect(count(withMetric({ value: percent / 100 }))[0]?.volume).toBe(percent);
  expect(count(withMetric({ value: 0.125 }))[0]?.volume).toBe(12.5);
});

it('keeps all digits of a time', () => {
  expect(count(withMetric({ name: 'cpu.user.time', value: 2n ** 62n }))[0]?.volume).toBe(2n ** 62n);
});

it('omits unknown and missing metrics', () => {
  expect(count(withMetric({ name: 'numa.membw.current', value: null }))).toEqual([]);
  expect(count(withPayload(unversioned, { metrics: [] }))).toEqual([]);
});

describe('the event id', () => {
  const id = (notification: Notification) => createHandler('nodeCpu').eventId?.(notification);

  it('is the same in both forms, and differs for each run and each node', () => {
    expect(id(versioned)).toBe(id(unversioned));
    expect(id(withContext(unversioned, { request_id: 'req-2' }))).not.toBe(id(unversioned));
    expect(id(withPayload(unversioned, { nodename: 'vm-2' }))).not.toBe(id(unversioned));
    expect(id(withPayload(unversioned, { host: 'compute-2' }))).not.toBe(id(unversioned));
  });

  it('is the message id if there is no request', () => {
    expect(id(withContext(unversioned, { request_id: null }))).toBe(unversioned.messageId);
  });
});

it.each([
  ['payload.host', withPayload(unversioned, { host: undefined })],
  ['payload.nodename', withPayload(unversioned, { nodename: 7 })],
  ['payload.metrics', withPayload(unversioned, { metrics: 'all' })],
  ['payload.metrics[0]', withPayload(unversioned, { metrics: [7] })],
  ['payload.metrics[0].name', withMetric({ name: '' })],
  ['payload.metrics[0].value', withMetric({ value: null })],
  ['payload.metrics[0].value', withMetric({ value: '0.5' })],
  ['payload.metrics[0].value', withMetric({ value: -0.5 })],
  ['payload.metrics[0].timestamp', withMetric({ timestamp: null })],
  ['payload.metrics[0].source', withMetric({ source: 7 })],
  ['payload.nova_object.data', withPayload(versioned, { 'nova_object.data': undefined })],
  [
    'payload.nova_object.data.metrics[0].nova_object.data',
    withPayload(versioned, { 'nova_object.data': { host: 'a', nodename: 'b', metrics: [{}] } }),
  ],
])('names %s in the error if it is missing or wrong', (field, notification) => {
  expect(() => count(notification)).toThrow(
    expect.objectContaining({ code: 'NOTIFICATION_FIELD', message: expect.stringContaining(field) }),
  );
});
