import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { connect } from 'amqplib';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { startCloud } from '../../agent-central/test/scripted-cloud.js';
import type { ScriptedCloud } from '../../agent-central/test/scripted-cloud.js';
import { countIn, endDaemons, messages, newFolder, samplesIn, startDaemon } from './daemon.js';
import type { Daemon } from './daemon.js';

let rabbitmq: PrivateRabbitmq;
let cloud: ScriptedCloud;

beforeAll(async () => {
  [rabbitmq, cloud] = await Promise.all([startRabbitmq(), startCloud()]);
  cloud.images.push({ id: 'image-1', size: 1 });
}, 120_000);
afterAll(async () => {
  await endDaemons();
  await cloud.close();
  await rabbitmq.stop();
}, 60_000);

/** Creates dead letters of unreadable messages, before an alarm blocks publishers. */
async function publishUnreadable(url: string, count: number): Promise<void> {
  const model = await connect(url);
  const channel = await model.createConfirmChannel();
  for (let n = 0; n < count; n++)
    channel.sendToQueue('metering', Buffer.from(`{"bad": ${n}`), { persistent: true });
  await channel.waitForConfirms();
  await model.close();
}

async function waitingIn(url: string, queue: string): Promise<number> {
  const model = await connect(url);
  const channel = await model.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await model.close();
  return messageCount;
}

async function sendCounter(file: string, ...args: string[]) {
  const command = fileURLToPath(new URL('../../nephoscope/dist/cli.js', import.meta.url));
  const counter = ['--name', 'rack.power', '--unit', 'W', '--volume', '1', '--resource', 'rack'];
  const child = spawn(process.execPath, [command, 'send-counter', '--config', file, ...counter, ...args]);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, out, err };
}

const isWell = async (program: Daemon) => (await program.status('/readyz')).status === 200;

it.each([
  ['memory', ['set_vm_memory_high_watermark', '0'], ['set_vm_memory_high_watermark', '0.4']],
  ['disk', ['set_disk_free_limit', '1000000GB'], ['set_disk_free_limit', '50MB']],
])(
  'while the broker is low on %s all programs wait and report it, and nothing is lost',
  async (short, on, off) => {
    await rabbitmq.ctl('add_vhost', short);
    await rabbitmq.ctl('set_permissions', '-p', short, 'guest', '.*', '.*', '.*');
    const url = `${rabbitmq.url}/${short}`;
    const folder = newFolder();
    const database = join(folder, 'samples.db');
    const common = { secrets: ['a secret of the tests'], host: 'h1', bus: { url, heartbeat: '3s' } };
    const agent = startDaemon('agent-compute', {
      ...common,
      inspector: { uri: `qemu+unix:///system?socket=${sharedLibvirtd().socketReadOnly}` },
      compute: { interval: '1s', stateDirectory: join(folder, 'state') },
    });
    const central = startDaemon('agent-central', {
      ...common,
      openstack: { authUrl: `${cloud.url}/identity/v3`, userId: 'u', password: 'p', projectId: 'service' },
      central: { interval: '1s', enabled: ['image'] },
    });
    const done = (program: Daemon) => messages(program).filter((line) => line === 'cycle done').length;
    await waitUntil('both work', () => done(agent) > 0 && done(central) > 0, 60_000);
    await publishUnreadable(url, 20);

    await rabbitmq.ctl(...on);
    try {
      const collector = startDaemon('collector', {
        ...common,
        storage: { url: `sqlite:${database}` },
        notifications: { enabled: [] },
      });
      for (const program of [agent, central])
        await waitUntil('it says so', async () =>
          new RegExp(`RabbitMQ has blocked publishers since .*low on ${short}`).test(
            (await program.status('/readyz')).text,
          ),
        );
      // Messages in the queue are recorded, and refused ones are not lost.
      await waitUntil('the collector records', async () => (await countIn(database)) > 0);
      await waitUntil('the collector says so', async () =>
        /dead letters of 'metering' have been refused since .*, 20 messages are waiting/.test(
          (await collector.status('/readyz')).text,
        ),
      );
      expect(await waitingIn(url, 'metering.dead')).toBe(0);

      const file = join(folder, 'counter.yaml');
      writeFileSync(file, JSON.stringify(common), { mode: 0o600 });
      const blocked = await sendCounter(file);
      expect(blocked).toMatchObject({ code: 1, out: '' });
      const told =
        /^the counter is not confirmed, and may still be recorded: (.*)\. Repeat the command with --message-id (\S+) --timestamp (\S+), then it is recorded once$/m;
      const [, why, messageId = '', timestamp = ''] = told.exec(blocked.err) ?? [blocked.err, blocked.err];
      // The broker blocks the connection shortly after the message arrived.
      expect(why).toMatch(
        new RegExp(`has blocked publishers since .*low on ${short}|confirmed nothing within \\d+ s`),
      );

      const cycles = done(agent);
      await waitUntil('the agent takes samples all the same', () => done(agent) > cycles + 1);
      await rabbitmq.ctl(...off);
      for (const program of [agent, central, collector])
        await waitUntil('it is well again', () => isWell(program), 60_000);
      const before = done(central);
      await waitUntil('the central agent goes on', () => done(central) > before);
      const again = ['--message-id', messageId, '--timestamp', timestamp];
      expect(await sendCounter(file, ...again)).toMatchObject({ code: 0, out: `${messageId}\n` });
      for (const program of [agent, central]) expect((await program.stop()).code).toBe(0);
      await waitUntil('all dead letters', async () => (await waitingIn(url, 'metering.dead')) >= 20);
      const counters = async () => (await samplesIn(database)).filter(({ meter }) => meter === 'rack.power');
      await waitUntil('the counter', async () => (await counters()).length > 0);
      expect((await collector.status('/metrics')).text).toMatch(
        /^nephoscope_collector_samples_conflicting_total 0$/m,
      );
      expect((await collector.stop()).code).toBe(0);
      expect(messages(agent, 'warn').join('\n')).toContain('samples are waiting; next attempt in ');

      const samples = await samplesIn(database);
      expect(samples.filter(({ meter }) => meter === 'rack.power')).toHaveLength(1);
      const numbers = samples
        .filter(({ publisherId }) => publisherId?.startsWith('compute.'))
        .map(({ sequence }) => Number(sequence))
        .sort((a, b) => a - b);
      expect(numbers).toEqual(Array.from(numbers, (_, at) => at + 1));
    } finally {
      await rabbitmq.ctl(...off);
    }
  },
  180_000,
);
