import { notificationHandlerContract } from '@nephoscope/testing';

import { backupSize, snapshotSize, volume, volumeSize } from '../src/index.js';
import { capture } from './captures.js';

const volumes = ['openstack.volume.create.end', 'openstack.volume.exists', 'openstack.volume.delete.start'].map(
  capture,
);
const snapshots = [
  'openstack.snapshot.create.end',
  'openstack.snapshot.exists',
  'openstack.snapshot.delete.start',
].map(capture);

notificationHandlerContract('volume', volume, {
  notifications: volumes.map((given) => ({
    given,
    expect: [{ name: 'volume', volume: 1, resourceId: String(given.payload['volume_id']) }],
  })),
});
notificationHandlerContract('volume_size', volumeSize, {
  notifications: volumes.map((given) => ({
    given,
    expect: [{ name: 'volume.size', volume: Number(given.payload['size']) }],
  })),
});
notificationHandlerContract('snapshot_size', snapshotSize, {
  notifications: snapshots.map((given) => ({ given, expect: [{ name: 'snapshot.size', volume: 1 }] })),
});
notificationHandlerContract('backup_size', backupSize, {
  notifications: [
    {
      given: {
        eventType: 'backup.create.end',
        payload: { backup_id: 'b-1', size: 3, tenant_id: 'p', user_id: 'u' },
      },
      expect: [{ name: 'backup.size', volume: 3, resourceId: 'b-1', projectId: 'p', userId: 'u' }],
    },
  ],
});
