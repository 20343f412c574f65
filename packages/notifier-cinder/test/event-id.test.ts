import type { Metadata } from '@nephoscope/core';
import { exampleNotification, handlerOf } from '@nephoscope/testing';

import { eventId } from '../src/event-id.js';
import { backups, snapshots, volumes } from '../src/resources.js';
import { capture } from './captures.js';
import { count, plugins } from './count.js';

const original = capture('openstack.volume.create.end');

it.each([
  ['create.end.2', 'create.end.audit', 'create.end.audit.2'],
  ['exists.2', 'exists.2.again'],
])('is the same for %s and its repetition by the audit', (...names) => {
  const notifications = names.map((name) => capture(`openstack.volume.${name}`));
  expect(new Set(notifications.map(({ messageId }) => messageId)).size).toBe(names.length);
  expect(new Set(notifications.map((notification) => eventId(volumes, notification))).size).toBe(1);
});

it('differs for a deletion, for another volume, and for other kinds of resources', () => {
  const notification = (eventType: string, fields: Metadata) =>
    exampleNotification({ eventType, payload: { ...original.payload, ...fields } });
  const ids = [
    eventId(volumes, original),
    eventId(volumes, notification('volume.delete.start', {})),
    eventId(volumes, notification('volume.create.end', { volume_id: 'v-2' })),
    eventId(snapshots, notification('snapshot.create.end', { snapshot_id: 's-1' })),
    eventId(backups, notification('backup.create.end', { backup_id: 's-1' })),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

it.each([
  ['volume', volumes, 'volume_id', 'size'],
  ['snapshot', snapshots, 'snapshot_id', 'volume_size'],
  ['backup', backups, 'backup_id', 'size'],
] as const)('differs for each attempt to delete a %s', (kind, resource, id, size) => {
  const tries = [5, 9, 9].map((now, index) =>
    exampleNotification({
      eventType: `${kind}.delete.start`,
      messageId: `m-${index}`,
      payload: { [id]: 'x-1', tenant_id: 't', user_id: 'u', [size]: now },
    }),
  );
  expect(new Set(tries.map((one) => eventId(resource, one))).size).toBe(3);
  // A second delivery of the same attempt has the same id.
  expect(eventId(resource, { ...tries[0]! })).toBe(eventId(resource, tries[0]!));
  expect(tries.flatMap((one) => count(one)).filter(({ unit }) => unit === 'GB')).toEqual(
    [5, 9, 9].map((volume) => expect.objectContaining({ volume, resourceId: 'x-1' })),
  );
  // A repetition by the audit is not counted.
  const period = { audit_period_beginning: 'then', audit_period_ending: 'then' };
  expect(count({ ...tries[2]!, messageId: 'm-3', payload: { ...tries[2]!.payload, ...period } })).toEqual([]);
});

it('depends on the period of an audit, however often it runs', () => {
  const exists = capture('openstack.snapshot.exists');
  const id = eventId(snapshots, exists);
  expect(eventId(snapshots, { ...exists, messageId: 'second run' })).toBe(id);
  const next = { ...exists.payload, audit_period_ending: '2026-11-22 23:02:55+00:00' };
  expect(eventId(snapshots, { ...exists, payload: next })).not.toBe(id);
});

it("is the same for all spellings of a period, and unchanged for cinder's own spelling", () => {
  const said = (beginning: string, ending: string) =>
    eventId(volumes, {
      ...original,
      eventType: 'volume.exists',
      payload: { ...original.payload, audit_period_beginning: beginning, audit_period_ending: ending },
    });
  const id = said('2026-11-28 00:00:00+00:00', '2026-11-28 01:00:00+00:00');
  const volume = original.payload['volume_id'];
  expect(JSON.parse(id)).toEqual([
    'volume.exists',
    volume,
    '2026-11-28 00:00:00+00:00',
    '2026-11-28 01:00:00+00:00',
  ]);
  expect(said('2026-11-28 00:00:00.000000', '2026-11-28T01:00:00.000Z')).toBe(id);
  expect(said('2026-11-28T02:00:00+02:00', '2026-11-28 01:00:00.000001')).toBe(id);
  expect(said('2026-11-28 00:00:00+00:00', '2026-11-28 01:00:01+00:00')).not.toBe(id);
  // An invalid period is refused elsewhere; here each has its own id.
  expect(said('then', 'now')).not.toBe(said('then', 'later'));
});

it.each(['volume.resize.end', 'volume.attach.end', 'volume.detach.end', 'volume.retype', 'volume.delete.start'])(
  'is the message id for %s, which may occur repeatedly',
  (eventType) => {
    expect(eventId(volumes, { ...original, eventType, messageId: 'm-1' })).toBe('m-1');
  },
);

it.each([5, ['x'], {}])('is the message id if the resource id is %j', (volumeId) => {
  const payload = { ...original.payload, volume_id: volumeId };
  expect(eventId(volumes, { ...original, payload })).toBe(original.messageId);
});

it('is the message id for an audit without a period', () => {
  const { audit_period_ending: _, ...payload } = capture('openstack.volume.exists').payload;
  expect(eventId(volumes, { ...original, eventType: 'volume.exists', payload })).toBe(original.messageId);
});

it('is provided by every plugin', () => {
  for (const plugin of Object.values(plugins)) {
    const handler = handlerOf(plugin);
    const [eventType = ''] = handler.eventTypes.filter((type) => type.endsWith('.create.end'));
    const payload = { volume_id: 'x', snapshot_id: 'x', backup_id: 'x' };
    const id = (messageId: string) => handler.eventId?.(exampleNotification({ eventType, payload, messageId }));
    expect(id('one')).toBe(`["${eventType}","x"]`);
    expect(id('two')).toBe(id('one'));
  }
});
