import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { meteringTopology } from '@nephoscope/message';
import { connect } from 'amqplib';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { newFolder, startDaemon } from '../../agent-compute/test/daemon.js';
import { TestBroker } from './broker.js';
import { secret } from './support.js';

const broker = new TestBroker();
const mebibyte = 1024 * 1024;

const residentMiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

it('memory of large messages is returned to the system when they are gone', async () => {
  const collector = startDaemon('collector', {
    secrets: [secret.reveal()],
    bus: { url: broker.url },
    storage: { url: `sqlite:${join(newFolder(), 'samples.db')}` },
  });
  await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
  const before = residentMiB(collector.pid);
  const connection = await connect(broker.url);
  const channel = await connection.createConfirmChannel();
  const { queue, deadLetterQueue } = meteringTopology;
  // Different sizes, so that no buffer fits exactly where another one was.
  for (let number = 0; number < 30; number += 1)
    channel.sendToQueue(queue, Buffer.alloc((1 + (number % 7)) * mebibyte + number, '{"a":1},'));
  await channel.waitForConfirms();
  await waitUntil(
    'all are among the dead letters',
    async () => (await channel.checkQueue(deadLetterQueue)).messageCount === 30,
    60_000,
  );
  // It is 27 to 56 MiB more than before; without the start script's settings it would remain at 180.
  await waitUntil('it is small again', () => residentMiB(collector.pid) < before + 90, 60_000);
  await connection.close();
  expect(await collector.stop()).toMatchObject({ code: 0 });
}, 120_000);
