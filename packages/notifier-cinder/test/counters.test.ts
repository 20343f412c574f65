import type { Metadata } from '@nephoscope/core';
import { counterLine, exampleNotification } from '@nephoscope/testing';

import { capture, captureNames } from './captures.js';
import { count, plugins } from './count.js';

const alpha = '909c4662f43441bcb7e3bece767e7d73 by c70bb536733a4dea97df02c5456070fd';
const beta = '78ff5c929d044587adff2dc9ae0e7a31 by ea65fc1a9516441e9ed6afe746fe320c';
const lab = '4b5b8ebb-2272-419f-a2c6-2cd284abe8b9';
const betas = '5b61c014-7487-47b4-8402-372316ce6e11';
const live = '2d811aa7-e99b-4e86-a980-88f284dce146';
const alice = 'c134e3aa3b4d41ceac7adfff63b88324 by 9879246347d146829380d61d2348b89d';
const bob = 'a42fc57074174f93afdfbdef3e8422dc by b807ecb6e1bd4147984ca78fe4549730';
const snapshot = '7640a4fa-5539-4d5b-8eb4-117332fdf37a';

const both = (owner: string): string[] => [
  `volume gauge 1 volume, ${live} of ${owner}`,
  `volume.size gauge 2 GB, ${live} of ${owner}`,
];

/** The expected counters of each recorded notification. */
const expected: Readonly<Record<string, readonly string[]>> = {
  'openstack.snapshot.create.end': [`snapshot.size gauge 1 GB, ${snapshot} of ${alpha}`],
  'openstack.snapshot.create.start': [],
  'openstack.snapshot.delete.end': [],
  'openstack.snapshot.delete.start': [`snapshot.size gauge 1 GB, ${snapshot} of ${alpha}`],
  'openstack.snapshot.exists': [`snapshot.size gauge 1 GB, ${snapshot} of ${alpha}`],
  'openstack.volume.create.end': [
    `volume gauge 1 volume, ${lab} of ${alpha}`,
    `volume.size gauge 1 GB, ${lab} of ${alpha}`,
  ],
  // A volume that alice created, attached, detached and transferred to bob, who deleted it; then two audits, whose
  // `exists` has the figures of the deletion that they repeat.
  'openstack.volume.create.end.2': both(alice),
  'openstack.volume.attach.start': [],
  'openstack.volume.attach.end': both(alice),
  'openstack.volume.detach.start': [],
  'openstack.volume.detach.end': both(alice),
  'openstack.volume.transfer.accept.start': [],
  'openstack.volume.transfer.accept.end': both(bob),
  'openstack.volume.delete.start.2': both(bob),
  'openstack.volume.exists.2': both(bob),
  'openstack.volume.create.end.audit': both(bob),
  'openstack.volume.delete.start.audit': [],
  'openstack.volume.exists.2.again': both(bob),
  'openstack.volume.create.end.audit.2': both(bob),
  'openstack.volume.delete.start.audit.2': [],
  'openstack.volume.create.start': [],
  'openstack.volume.delete.end': [],
  'openstack.volume.delete.start': [
    `volume gauge 1 volume, ${betas} of ${beta}`,
    `volume.size gauge 5 GB, ${betas} of ${beta}`,
  ],
  'openstack.volume.exists': [
    `volume gauge 1 volume, ${lab} of ${alpha}`,
    `volume.size gauge 1 GB, ${lab} of ${alpha}`,
  ],
  'openstack.volume.reset_status.end': [],
  'openstack.volume.reset_status.start': [],
  'openstack.volume.resize.start': [],
  'openstack.volume.transfer.create.end': [],
  'openstack.volume.transfer.create.start': [],
  'openstack.volume.transfer.delete.end': [],
  'openstack.volume.transfer.delete.start': [],
  'openstack.volume.update.end': [],
  'openstack.volume.update.start': [],
};

it('covers every recorded notification', () => {
  expect(captureNames).toEqual(Object.keys(expected).sort());
});

it.each(Object.entries(expected))('%s', (name, lines) => {
  expect(count(capture(name)).map(counterLine).sort()).toEqual(lines);
});

it('has the time and the metadata of the notification', () => {
  expect(count(capture('openstack.volume.create.end'))).toEqual(
    Array.from({ length: 2 }, () =>
      expect.objectContaining({
        timestamp: 1_795_384_702_376_001_000n,
        resourceMetadata: {
          status: 'available',
          display_name: 'short-vol',
          volume_type: 'b9a9024b-718b-4c1a-a26a-b13cfd58d555',
          size: 1,
          event_type: 'volume.create.end',
          host: 'volume.oslab-volume-1@fake1#fake',
        },
      }),
    ),
  );
  expect(count(capture('openstack.snapshot.exists'))[0]?.resourceMetadata).toEqual({
    status: 'available',
    display_name: 'short-snap',
    volume_id: '701d6ce4-63f6-4878-be5c-9f7226c6e679',
    volume_size: 1,
    event_type: 'snapshot.exists',
    host: 'snapshot.oslab-volume-1',
  });
});

const volume = capture('openstack.volume.create.end').payload;

it.each(['resize.end', 'retype', 'manage_existing.end'])('counts a volume after volume.%s', (action) => {
  const payload = { ...volume, size: 7, tenant_id: 'heirs', user_id: 'heir', volume_type: 'fast' };
  const counters = count(exampleNotification({ eventType: `volume.${action}`, payload }));
  expect(counters.map(counterLine)).toEqual([
    `volume gauge 1 volume, ${lab} of heirs by heir`,
    `volume.size gauge 7 GB, ${lab} of heirs by heir`,
  ]);
  expect(counters.map(({ resourceMetadata }) => resourceMetadata['volume_type'])).toEqual(['fast', 'fast']);
});

const backup: Metadata = {
  tenant_id: 'alpha',
  user_id: 'alice',
  availability_zone: 'nova',
  backup_id: 'b-1',
  host: 'backup-1',
  display_name: 'nightly',
  created_at: '2026-11-22T21:58:21+00:00',
  status: 'available',
  volume_id: 'v-1',
  size: 3,
  service_metadata: 'volume_v-1/20261122215821/az_nova_backup_b-1',
  service: 'cinder.backup.drivers.swift.SwiftBackupDriver',
  fail_reason: null,
  parent_id: null,
  num_dependent_backups: 0,
  snapshot_id: null,
};

it.each(['exists', 'create.end', 'delete.start'])('counts a backup at backup.%s', (action) => {
  const counters = count(
    exampleNotification({ eventType: `backup.${action}`, payload: backup, publisherId: 'backup.backup-1' }),
  );
  expect(counters.map(counterLine)).toEqual(['backup.size gauge 3 GB, b-1 of alpha by alice']);
  expect(counters[0]?.resourceMetadata).toEqual({
    status: 'available',
    display_name: 'nightly',
    volume_id: 'v-1',
    snapshot_id: null,
    parent_id: null,
    size: 3,
    event_type: `backup.${action}`,
    host: 'backup.backup-1',
  });
});

it.each(['create.start', 'createprogress', 'restore.start', 'restore.end', 'delete.end'])(
  'counts nothing at backup.%s',
  (action) => {
    expect(count(exampleNotification({ eventType: `backup.${action}`, payload: backup }))).toEqual([]);
  },
);

it('has null for a missing owner and missing metadata, and uses no other fields of the payload', () => {
  const payload = {
    volume_id: 'v-1',
    size: 2,
    auth_token: 'secret',
    volume_attachment: [{ connector: 'secret' }],
  };
  const counters = count(exampleNotification({ eventType: 'volume.attach.end', payload }), [
    plugins['volumeSize']!,
  ]);
  expect(counters).toEqual([
    {
      name: 'volume.size',
      type: 'gauge',
      unit: 'GB',
      volume: 2,
      userId: null,
      projectId: null,
      resourceId: 'v-1',
      timestamp: 1_795_381_200_194_936_000n,
      resourceMetadata: {
        status: null,
        display_name: null,
        volume_type: null,
        size: 2,
        event_type: 'volume.attach.end',
        host: 'compute.compute-1',
      },
    },
  ]);
});
