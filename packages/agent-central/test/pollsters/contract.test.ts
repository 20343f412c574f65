import { FakeCloud, centralPollsterContract } from '@nephoscope/testing';

import image from '../../src/pollsters/image.js';
import imageSize from '../../src/pollsters/image-size.js';
import floatingip from '../../src/pollsters/network-floatingip.js';
import network from '../../src/pollsters/network.js';
import objectstoreContainers from '../../src/pollsters/objectstore-containers.js';
import objectstore from '../../src/pollsters/objectstore.js';
import port from '../../src/pollsters/port.js';
import router from '../../src/pollsters/router.js';
import volumeBackupSize from '../../src/pollsters/volume-backup-size.js';
import volumeSize from '../../src/pollsters/volume-size.js';
import volumeSnapshotSize from '../../src/pollsters/volume-snapshot-size.js';
import { recordedCloud } from '../recordings.js';

const cloud = recordedCloud();

centralPollsterContract('network_floatingip', floatingip, { cloud });
centralPollsterContract('network', network, { cloud });
centralPollsterContract('port', port, { cloud });
centralPollsterContract('router', router, { cloud });
centralPollsterContract('image', image, { cloud });
centralPollsterContract('image_size', imageSize, { cloud });
centralPollsterContract('objectstore', objectstore, { cloud });
centralPollsterContract('objectstore_containers', objectstoreContainers, { cloud });
centralPollsterContract('volume_size', volumeSize, { cloud });
centralPollsterContract('volume_snapshot_size', volumeSnapshotSize, { cloud });
// There is no recording of one, because the lab's cinder has none. The fields are those of its API reference.
centralPollsterContract('volume_backup_size', volumeBackupSize, {
  cloud: new FakeCloud({ lists: { 'volumev3 /v3/backups/detail': [{ id: 'backup-1', size: 3, name: 'b' }] } }),
});
