import { join } from 'node:path';

import { connect } from 'amqplib';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { sharedAmqpUrl, sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { usageASecond } from '../../../tools/testbed/wake-ups.js';
import { endDaemons, messages, newFolder, startDaemon } from './daemon.js';
import type { Daemon } from './daemon.js';

afterAll(() => endDaemons(), 60_000);

/**
 * Waits for an idle moment. The aim is at most 2 wake-ups a second, which `npm run bench -- rest` measures; a timer that
 * fires all the time causes ten or a hundred, so that no moment is idle.
 */
const comesToRest = (daemon: Daemon) =>
  waitUntil(
    'it wakes up less than 10 times a second',
    async () => (await usageASecond(daemon.pid, 2_000)).wakeUps < 10,
  );

it('daemons that have nothing to do are idle', async () => {
  const folder = newFolder();
  const url = sharedAmqpUrl();
  const connection = await connect(url);
  const channel = await connection.createChannel();
  // As services of a cloud do, because missing exchanges are looked for repeatedly.
  for (const name of ['nova', 'glance', 'neutron', 'cinder', 'openstack'])
    await channel.assertExchange(name, 'topic', { durable: false });
  await connection.close();
  const common = { secrets: ['a secret of the tests'], host: 'resting', bus: { url } };
  const agent = startDaemon('agent-compute', {
    ...common,
    inspector: { uri: `qemu+unix:///system?socket=${sharedLibvirtd().socketReadOnly}` },
    compute: { interval: '1h', stateDirectory: join(folder, 'state') },
  });
  const collector = startDaemon('collector', {
    ...common,
    storage: { url: `sqlite:${join(folder, 'samples.db')}` },
  });
  await waitUntil(
    'both run',
    () =>
      messages(agent).includes('cycle done') && messages(collector).some((text) => text.endsWith('is running')),
  );
  await Promise.all([comesToRest(agent), comesToRest(collector)]);
}, 90_000);
