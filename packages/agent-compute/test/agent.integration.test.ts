import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core/sample-store';
import { connect } from 'amqplib';

import { bootGuest } from '../../../tools/testbed/guest.js';
import type { Guest } from '../../../tools/testbed/guest.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { countIn, endDaemons, messages, newFolder, samplesIn, startDaemon } from './daemon.js';
import { counted } from './support.js';

const libvirtd = sharedLibvirtd();
const uri = `qemu+unix:///system?socket=${libvirtd.socketReadOnly}`;
const secrets = ['a secret of the tests'];
let rabbitmq: PrivateRabbitmq;
let guests: readonly [Guest, Guest];

beforeAll(async () => {
  [rabbitmq, ...guests] = await Promise.all([
    startRabbitmq(),
    bootGuest(libvirtd, { disks: 2, vcpus: 2, nics: [{ filterParameters: { IP: '10.0.0.7' } }, {}] }),
    bootGuest(libvirtd, { nova: false, diskBus: 'ide' }),
  ]);
}, 120_000);

afterAll(async () => {
  await endDaemons();
  await Promise.all([rabbitmq?.stop(), ...(guests ?? []).map((guest) => guest.destroy())]);
}, 60_000);

let vhosts = 0;

/** A deployment with a separate virtual host, folders and guests. */
async function deployment({ interval = '10m' } = {}) {
  const vhost = `test-${++vhosts}`;
  await rabbitmq.ctl('add_vhost', vhost);
  await rabbitmq.ctl('set_permissions', '-p', vhost, 'guest', '.*', '.*', '.*');
  const url = `${rabbitmq.url}/${vhost}`;
  const folder = newFolder();
  const database = join(folder, 'samples.db');
  const agent = {
    secrets,
    bus: { url },
    inspector: { uri },
    compute: {
      interval,
      stateDirectory: join(folder, 'state'),
      instances: { include: guests.map(({ name }) => ({ name })) },
    },
  };
  const collector = { secrets, bus: { url }, storage: { url: `sqlite:${database}` } };
  const numberMade = () =>
    Number(
      (JSON.parse(readFileSync(join(folder, 'state', 'state.json'), 'utf8')) as { sequence: string }).sequence,
    );
  return { vhost, url, folder, database, agent, collector, numberMade };
}

const numbers = (samples: readonly Sample[]) =>
  samples.map(({ sequence }) => Number(sequence)).sort((a, b) => a - b);

/** Waits until the database has as many samples as the agent sent, and returns them. */
async function allRecorded(database: string, count: number): Promise<Sample[]> {
  await waitUntil(`${count} samples are recorded`, async () => (await countIn(database)) >= count);
  return samplesIn(database);
}

describe('agent, RabbitMQ, collector and SQLite', () => {
  it('record the figures that virsh reports', async () => {
    const { agent, collector, database, numberMade } = await deployment();
    const recording = startDaemon('collector', collector);
    const stats = async () =>
      Object.fromEntries(
        await Promise.all(
          guests.map(async ({ name, uuid, disks }) => {
            const figures = parseStats(await libvirtd.virsh('domstats', name));
            // domstats reports how far the image was written, and what it occupies on disk.
            for (const [index, path] of disks.entries()) {
              const { blocks, size } = statSync(path);
              figures
                .set(`block.${index}.occupied`, String(blocks * 512))
                .set(`block.${index}.length`, String(size));
            }
            return [uuid, figures] as const;
          }),
        ),
      );

    const before = await stats();
    const single = startDaemon('agent-compute', agent, ['--once']);
    expect({ code: await single.ended, errors: messages(single, 'error') }).toEqual({ code: 0, errors: [] });
    const after = await stats();
    const samples = await allRecorded(database, numberMade());

    expect(numbers(samples)).toEqual(counted(numberMade()));
    for (const guest of guests) {
      const low = before[guest.uuid]!;
      const high = after[guest.uuid]!;
      const ours = samples.filter(
        ({ resourceId, text }) => resourceId === guest.uuid || text.includes(`"instance_id":"${guest.uuid}"`),
      );
      const expected: [meter: string, device: string | undefined, key: string][] = [
        ['cpu', undefined, 'cpu.time'],
      ];
      guest.disks.forEach((_, index) => {
        const device = low.get(`block.${index}.name`) as string;
        for (const [meter, key] of diskKeys) expected.push([meter, device, `block.${index}.${key}`]);
      });
      guest.nics.forEach(({ tap }, index) => {
        for (const [meter, key] of nicKeys) expected.push([meter, tap, `net.${index}.${key}`]);
      });
      for (const [meter, device, key] of expected) {
        const found = ours.filter(
          (sample) => sample.meter === meter && (device === undefined || sample.resourceId.endsWith(`-${device}`)),
        );
        const context = `${guest.name} ${meter} ${device}`;
        expect([context, found.length]).toEqual([context, 1]);
        const volume = BigInt(found[0]!.volume);
        // A counter that did not change between the two calls is exactly this.
        expect([context, volume >= BigInt(low.get(key)!) && volume <= BigInt(high.get(key)!)]).toEqual([
          context,
          true,
        ]);
      }
      expect(ours.find(({ meter }) => meter === 'vcpus')?.volume).toBe(low.get('vcpu.current'));
    }
    expect(await recording.stop()).toMatchObject({ code: 0 });
  }, 60_000);

  it('lose nothing that was sent before the first start of a collector', async () => {
    const { agent, collector, database, numberMade } = await deployment();
    for (let run = 0; run < 2; run++) expect(await startDaemon('agent-compute', agent, ['--once']).ended).toBe(0);
    const recording = startDaemon('collector', collector);
    const samples = await allRecorded(database, numberMade());
    expect(numbers(samples)).toEqual(counted(numberMade()));
    // The run continues over the restart of the agent, so each series has one epoch.
    const epochs = new Map<string, Set<string | null>>();
    for (const { meter, resourceId, epoch, type } of samples) {
      if (type !== 'cumulative') continue;
      const key = `${meter} ${resourceId}`;
      epochs.set(key, (epochs.get(key) ?? new Set()).add(epoch));
    }
    expect([...epochs.values()].filter((set) => set.size !== 1 || set.has(null))).toEqual([]);
    expect(epochs.size).toBeGreaterThan(20);
    expect(await recording.stop()).toMatchObject({ code: 0 });
  }, 60_000);

  it('record a guest that runs for less than an interval, from its start to its last reading', async () => {
    const { agent, collector, database, url, numberMade } = await deployment();
    const include = [{ name: 'short-lived' }];
    const recording = startDaemon('collector', collector);
    const running = startDaemon('agent-compute', {
      ...agent,
      host: 'compute-7',
      compute: { ...agent.compute, instances: { include } },
    });
    await waitUntil('it runs', () => messages(running).includes('cycle done'));
    const guest = await bootGuest(libvirtd, { name: 'short-lived', nova: false });
    const cpu = async () =>
      (await samplesIn(database)).filter(({ meter, resourceId }) => meter === 'cpu' && resourceId === guest.uuid);
    await waitUntil('something is recorded', async () => (await countIn(database)) > 0);
    await waitUntil('its start is recorded', async () => (await cpu()).length === 1);

    const connection = await connect(url);
    const channel = await connection.createChannel();
    const request = { instance: guest.uuid, reason: 'delete.start', announced: '2026-11-22 21:55:33.5' };
    channel.publish('ceilometer', 'compute.compute-7', Buffer.from(JSON.stringify(request)));
    await waitUntil('its last reading is recorded', async () => (await cpu()).length === 2);
    await guest.destroy();
    await connection.close();
    const [first, last] = (await cpu()).sort((a, b) => Number(a.sequence! - b.sequence!));
    expect(first?.epoch).toBe(last?.epoch);
    expect(BigInt(last!.volume)).toBeGreaterThanOrEqual(BigInt(first!.volume));
    expect(messages(running).filter((text) => text === 'cycle done')).toHaveLength(1);
    expect(await running.stop()).toMatchObject({ code: 0 });
    expect(numbers(await allRecorded(database, numberMade()))).toEqual(counted(numberMade()));
    expect(await recording.stop()).toMatchObject({ code: 0 });
  }, 120_000);

  it("records flavors with names longer than a routing key, from domains and from nova's notifications", async () => {
    const { agent, collector, database, url, numberMade } = await deployment();
    // 1,000 bytes of UTF-8, which nova accepts because it counts 255 characters.
    const names = ['f'.repeat(240), '🙂'.repeat(250)];
    const notified = startDaemon('collector', {
      ...collector,
      collector: { signatures: ['canonical', 'ceilometer'] },
      notifications: { enabled: ['instance_flavor'] },
    });
    const fleet = await Promise.all(
      names.map((name) =>
        bootGuest(libvirtd, { nova: { flavor: { name, memoryMiB: 16, diskGiB: 1, vcpus: 1 } } }),
      ),
    );
    const include = fleet.map(({ name }) => ({ name }));
    for (const wire of ['nephoscope', 'ceilometer']) {
      const compute = { ...agent.compute, wire, instances: { include } };
      const once = startDaemon('agent-compute', { ...agent, compute }, ['--once']);
      expect({ code: await once.ended, errors: messages(once, 'error') }).toEqual({ code: 0, errors: [] });
    }

    const model = await connect(url);
    const channel = await model.createConfirmChannel();
    await channel.assertExchange('nova', 'topic', { durable: false });
    let unwanted = 0;
    channel.on('return', () => (unwanted += 1));
    const announce = async (body: string) => {
      const before = unwanted;
      channel.publish('nova', 'notifications.info', Buffer.from(body), { mandatory: true });
      await channel.waitForConfirms();
      return unwanted === before;
    };
    await waitUntil('the queue is bound', () => announce('{"event_type": "nobody.asked.for.it"}'), 60_000);
    for (const name of names) expect(await announce(creationOf(name))).toBe(true);
    const samples = await allRecorded(database, numberMade() + names.length);

    const recorded = samples.filter(({ meter }) => meter.startsWith('instance:'));
    expect(recorded.map(({ meter, resourceId }) => `${meter} ${resourceId}`).sort()).toEqual(
      names
        .flatMap((name, index) =>
          [fleet[index]!.uuid, fleet[index]!.uuid, `announced-${name.length}`].map(
            (id) => `instance:${name} ${id}`,
          ),
        )
        .sort(),
    );
    for (const dead of ['metering.dead', 'nephoscope.notifications.dead'])
      expect([dead, (await channel.checkQueue(dead)).messageCount]).toEqual([dead, 0]);
    await model.close();
    expect(await notified.stop()).toMatchObject({ code: 0 });
    await Promise.all(fleet.map((guest) => guest.destroy()));
  }, 120_000);

  it('lose nothing while the bus is unavailable, and stop in time', async () => {
    const { agent, collector, database, numberMade } = await deployment({ interval: '1s' });
    const recording = startDaemon('collector', collector);
    const running = startDaemon('agent-compute', agent);
    await waitUntil('something is recorded', async () => (await countIn(database)) > 0);
    expect(await running.status('/readyz')).toMatchObject({ status: 200 });

    await rabbitmq.stopApp();
    await waitUntil('both say so', async () => {
      const answers = await Promise.all([running.status('/readyz'), recording.status('/readyz')]);
      return answers.every(({ status, text }) => status === 503 && text.includes('RabbitMQ'));
    });
    const made = numberMade();
    const cyclesDone = () => messages(running).filter((text) => text === 'cycle done').length;
    const cycles = cyclesDone();
    await waitUntil('cycles go on without the bus', () => cyclesDone() >= cycles + 3);
    await waitUntil('what waits is on disk', () =>
      messages(running, 'warn').some((text) => text.startsWith('samples are waiting')),
    );

    await rabbitmq.startApp();
    await waitUntil(
      'what waited is sent',
      () => messages(running).includes('the waiting samples have been sent'),
      60_000,
    );
    const stopped = await running.stop();
    expect(stopped.code).toBe(0);
    expect(stopped.seconds).toBeLessThan(10);
    expect(numberMade()).toBeGreaterThan(made);

    const samples = await allRecorded(database, numberMade());
    expect(numbers(samples)).toEqual(counted(numberMade()));
    const collectorStopped = await recording.stop();
    expect(collectorStopped.code).toBe(0);
    expect(collectorStopped.seconds).toBeLessThan(10);
  }, 120_000);

  it('keep unsent samples over a stop while the bus is unavailable', async () => {
    const { agent, collector, database, folder, numberMade } = await deployment({ interval: '1s' });
    const running = startDaemon('agent-compute', agent);
    await waitUntil('it runs', () => messages(running).includes('cycle done'));
    await rabbitmq.stopApp();
    await waitUntil('samples wait', () =>
      messages(running, 'warn').some((text) => text.startsWith('samples are waiting')),
    );
    const stopped = await running.stop();
    expect(stopped.code).toBe(0);
    expect(stopped.seconds).toBeLessThan(10);
    await rabbitmq.startApp();
    // No more readings are possible, which ends the agent, but waiting samples are sent.
    const blind = { ...agent, inspector: { uri: `qemu+unix:///system?socket=${folder}/nobody` } };
    expect(await startDaemon('agent-compute', blind).ended).toBe(1);
    const recording = startDaemon('collector', collector);
    expect(numbers(await allRecorded(database, numberMade()))).toEqual(counted(numberMade()));
    await recording.stop();
  }, 120_000);

  it('set aside samples that were signed with another secret, with the reason', async () => {
    const { agent, collector, database, url, numberMade } = await deployment();
    const recording = startDaemon('collector', { ...collector, secrets: ['another secret of the tests'] });
    expect(await startDaemon('agent-compute', agent, ['--once']).ended).toBe(0);
    const refused = async () =>
      Number(
        /refused_total\{reason="signature-wrong"\} (\d+)/.exec((await recording.status('/metrics')).text)?.[1] ??
          0,
      );
    await waitUntil('all are refused', async () => (await refused()) === numberMade());
    expect(await samplesIn(database)).toEqual([]);
    expect(await recording.stop()).toMatchObject({ code: 0 });

    const model = await connect(url);
    try {
      const channel = await model.createChannel();
      expect((await channel.checkQueue('metering')).messageCount).toBe(0);
      // One dead letter for each message, with one line for each of its samples.
      let lines = 0;
      for (;;) {
        const deadLetter = await channel.get('metering.dead', { noAck: true });
        if (deadLetter === false) break;
        expect(deadLetter.properties.headers?.['x-reason']).toMatch(/^signature-wrong: /);
        lines += deadLetter.content.toString().trimEnd().split('\n').length;
      }
      expect(lines).toBe(numberMade());
    } finally {
      await model.close();
    }
  }, 60_000);
});

describe('the agent as a process', () => {
  const memory = () => ({
    secrets,
    bus: { type: 'amqp', url: rabbitmq.url },
    inspector: { uri },
    compute: { stateDirectory: join(newFolder(), 'state') },
  });

  it('serves health and metrics', async () => {
    const { agent } = await deployment();
    const running = startDaemon('agent-compute', agent);
    await waitUntil('it has read', () => messages(running).includes('cycle done'));
    expect(await running.status('/healthz')).toEqual({ status: 200, text: 'ok\n' });
    await waitUntil('it is ready', async () => (await running.status('/readyz')).status === 200);
    const ready = await running.status('/readyz');
    expect(JSON.parse(ready.text)).toEqual({
      ready: true,
      checks: { bus: { ok: true }, hypervisor: { ok: true }, agent: { ok: true } },
    });
    const { text } = await running.status('/metrics');
    for (const line of [
      'nephoscope_cycles_total{result="done"} 1',
      'nephoscope_plugins_failed 0',
      'process_resident_memory_bytes',
      'nephoscope_plugin_samples_total{namespace="poll.compute",plugin="cpu"}',
    ]) {
      expect(text).toContain(line);
    }
    expect(await running.stop()).toMatchObject({ code: 0 });
  }, 60_000);

  it.each([
    ['an unknown key', { compute: { intervall: '10s' } }, /compute\.intervall: there is no such key/],
    ['an invalid value', { compute: { interval: 'often' } }, /compute\.interval: must be a time span such as 10s/],
    ['no secret', { secrets: undefined }, /secrets: is required/],
    [
      'a libvirt that is not reachable',
      { inspector: { uri: 'qemu+unix:///system?socket=/nowhere/sock' } },
      /\/nowhere\/sock/,
    ],
    [
      'a state directory that cannot be created',
      { compute: { stateDirectory: '/etc/hostname/state' } },
      /the state directory \/etc\/hostname\/state cannot be created; set compute\.stateDirectory/,
    ],
  ])('ends with code 1 and says what to do about %s', async (_, wrong, text) => {
    const daemon = startDaemon('agent-compute', { ...memory(), ...wrong });
    expect(await daemon.ended).toBe(1);
    expect(messages(daemon, 'error').join('\n')).toMatch(text);
  });

  it('ends with code 1 for a wrong password', async () => {
    const wrong = { bus: { url: rabbitmq.url.replace('guest:guest', 'guest:wrong') } };
    for (const args of [[], ['--once']]) {
      const daemon = startDaemon('agent-compute', { ...memory(), ...wrong }, args);
      expect(await daemon.ended).toBe(1);
      expect(messages(daemon, 'error').join('\n')).toMatch(/wrong user or password/);
    }
  });

  it('runs without a broker and reports it; with --once it ends with code 1', async () => {
    const away = { ...memory(), bus: { url: 'amqp://guest:guest@127.0.0.1:1' } };
    const running = startDaemon('agent-compute', away);
    await waitUntil('it has read', () => messages(running).includes('cycle done'));
    const ready = await running.status('/readyz');
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.text)).toMatchObject({
      ready: false,
      checks: { bus: { ok: false, reason: expect.stringContaining('127.0.0.1:1') }, hypervisor: { ok: true } },
    });
    expect(await running.stop()).toMatchObject({ code: 0 });

    const single = startDaemon('agent-compute', away, ['--once']);
    expect(await single.ended).toBe(1);
    expect(messages(single, 'error').at(-1)).toMatch(/gave up connecting.*127\.0\.0\.1:1/);
  }, 60_000);

  it('ends with code 1 when its status port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const daemon = startDaemon('agent-compute', memory(), [], port);
    expect(await daemon.ended).toBe(1);
    server.close();
    expect(messages(daemon, 'error').at(-1)).toContain(
      `cannot listen on 127.0.0.1:${port} for health and metrics: choose another 'status.port'`,
    );
  });

  it('ends with code 1 when another agent uses its state directory', async () => {
    const { agent } = await deployment();
    const first = startDaemon('agent-compute', agent);
    await waitUntil('the first runs', () => messages(first).includes('cycle done'));
    const second = startDaemon('agent-compute', agent);
    expect(await second.ended).toBe(1);
    expect(messages(second, 'error').at(-1)).toContain(
      'is in use by another agent; give each agent its own (compute.stateDirectory)',
    );
    expect(await first.stop()).toMatchObject({ code: 0 });
  }, 60_000);

  it('ends at the start if the disk of its state directory is full, and later waits, and reports it', async () => {
    const { agent } = await deployment({ interval: '1s' });
    const place = join(newFolder(), 'disk');
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', place]);
    const fill = () => execFileSync('sh', ['-c', 'cat /dev/zero > "$0/filler" 2>/dev/null || true', place]);
    try {
      // However long it runs, the spool alone cannot fill the disk.
      const spool = { maxBytes: '2MiB' };
      const configuration = { ...agent, compute: { ...agent.compute, stateDirectory: place, spool } };
      fill();
      const refused = startDaemon('agent-compute', configuration);
      expect(await refused.ended).toBe(1);
      expect(messages(refused, 'error').at(-1)).toMatch(
        /the spool .* cannot be read or written: free space, or fix its permissions or its disk: ENOSPC/,
      );

      execFileSync('rm', [join(place, 'filler')]);
      const running = startDaemon('agent-compute', configuration);
      await waitUntil('it runs', () => messages(running).includes('cycle done'));
      fill();
      await waitUntil('it says so', async () => {
        const { status, text } = await running.status('/readyz');
        return status === 503 && text.includes('no samples can be accepted');
      });
      execFileSync('rm', [join(place, 'filler')]);
      await waitUntil('it is well again', async () => (await running.status('/readyz')).status === 200, 60_000);
      expect(await running.stop()).toMatchObject({ code: 0 });
    } finally {
      execFileSync('umount', ['--lazy', place]);
    }
  }, 90_000);
});

/** The recorded creation of an instance, for another instance with this flavor. */
function creationOf(flavor: string): string {
  const capture = '../../collector/test/captures/nova.compute.instance.create.end.json';
  const { body } = JSON.parse(readFileSync(new URL(capture, import.meta.url), 'utf8')) as { body: string };
  const envelope = JSON.parse(body) as { 'oslo.message': string };
  const message = JSON.parse(envelope['oslo.message']) as { readonly payload: object };
  return JSON.stringify({
    ...message,
    message_id: randomUUID(),
    _context_request_id: `req-${flavor.length}`,
    payload: { ...message.payload, instance_id: `announced-${flavor.length}`, instance_type: flavor },
  });
}

const diskKeys = [
  ['disk.device.read.bytes', 'rd.bytes'],
  ['disk.device.read.requests', 'rd.reqs'],
  ['disk.device.read.latency', 'rd.times'],
  ['disk.device.write.bytes', 'wr.bytes'],
  ['disk.device.write.requests', 'wr.reqs'],
  ['disk.device.write.latency', 'wr.times'],
  ['disk.device.capacity', 'capacity'],
  ['disk.device.allocation', 'occupied'],
  ['disk.device.usage', 'length'],
] as const;

const nicKeys = [
  ['network.incoming.bytes', 'rx.bytes'],
  ['network.incoming.packets', 'rx.pkts'],
  ['network.incoming.packets.drop', 'rx.drop'],
  ['network.incoming.packets.error', 'rx.errs'],
  ['network.outgoing.bytes', 'tx.bytes'],
  ['network.outgoing.packets', 'tx.pkts'],
  ['network.outgoing.packets.drop', 'tx.drop'],
  ['network.outgoing.packets.error', 'tx.errs'],
] as const;

function parseStats(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1)] as const];
    }),
  );
}
