import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

import { connect } from 'amqplib';
import type { ChannelModel, ConfirmChannel } from 'amqplib';

import { waitUntil } from '../../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../../tools/testbed/rabbitmq.js';
import {
  countIn,
  endDaemons,
  messages,
  newFolder,
  samplesIn,
  startDaemon,
} from '../../../agent-compute/test/daemon.js';
import type { Daemon } from '../../../agent-compute/test/daemon.js';
import { bytes, capture, capturesWithToken } from './material.js';

const exchange = 'openstack';
const routingKey = 'notifications.info';
const queue = 'nephoscope.notifications';

let rabbitmq: PrivateRabbitmq;
let url: string;
let connection: ChannelModel;
let channel: ConfirmChannel;
/** Ids of messages that were not routed to any queue. */
const returned = new Set<unknown>();
let vhosts = 0;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
}, 120_000);

afterAll(async () => {
  await endDaemons();
  await rabbitmq?.stop();
}, 60_000);

// Each test has a virtual host of its own.
beforeEach(async () => {
  const vhost = `test-${++vhosts}`;
  await rabbitmq.ctl('add_vhost', vhost);
  await rabbitmq.ctl('set_permissions', '-p', vhost, 'guest', '.*', '.*', '.*');
  url = `${rabbitmq.url}/${vhost}`;
  connection = await connect(url);
  channel = await connection.createConfirmChannel();
  channel.on('return', ({ properties }) => returned.add(properties.messageId));
});

afterEach(() => connection.close());

/** Publishes as the oslo.messaging library of a service does. */
const declareExchange = () => channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: false });

/** Resolves when the broker has confirmed it, with whether it was routed to any queue. */
function publish(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<boolean> {
  const messageId = randomUUID();
  const options = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    persistent: true,
    mandatory: true,
    messageId,
    headers,
  };
  return new Promise((resolve, reject) => {
    channel.publish(exchange, routingKey, Buffer.from(body), options, (error: unknown) => {
      if (error === null || error === undefined) resolve(!returned.delete(messageId));
      else reject(error as Error);
    });
  });
}

const created = capture('openstack.volume.create.end').body;

/** The recorded notification of a volume's creation, for another volume. */
function volumeCreated(volume: string): string {
  const envelope = JSON.parse(created) as { 'oslo.message': string };
  const message = JSON.parse(envelope['oslo.message']) as Record<string, unknown> & { payload: object };
  return JSON.stringify({
    ...envelope,
    'oslo.message': JSON.stringify({
      ...message,
      message_id: randomUUID(),
      _context_request_id: `req-${volume}`,
      payload: { ...message.payload, volume_id: volume, size: 20 },
    }),
  });
}

const payloadOf = (body: string) =>
  (
    JSON.parse((JSON.parse(body) as { 'oslo.message': string })['oslo.message']) as {
      payload: { volume_id: string; size: number };
    }
  ).payload;

const configuration = (database: string, notifications: object = {}) => ({
  secrets: ['a secret of the tests'],
  bus: { url },
  storage: { url: `sqlite:${database}` },
  host: 'controller-1',
  notifications: { enabled: ['volume', 'volume_size'], ...notifications },
});

/** A collector that is bound to the exchange. */
async function listening(database: string, notifications: object = {}): Promise<Daemon> {
  const collector = startDaemon('collector', configuration(database, notifications));
  await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200, 60_000);
  return collector;
}

const bound = () =>
  waitUntil('the queue is bound', () => publish('{"event_type": "nobody.asked.for.it"}'), 60_000);

/** The samples of volumes in the order of recording: `volume-1 volume.size 20`. */
const recorded = async (database: string) =>
  (await samplesIn(database)).map(({ resourceId, meter, volume }) => `${resourceId} ${meter} ${volume}`).sort();

const expected = (volumes: readonly string[]) =>
  volumes.flatMap((volume) => [`${volume} volume 1`, `${volume} volume.size 20`]).sort();

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

it("reads what a service's library compressed with gzip or bzip2", async () => {
  await declareExchange();
  const database = join(newFolder(), 'samples.db');
  await listening(database);
  await bound();
  // By kombu's names (`kombu_compression`): its gzip is zlib's format.
  await publish(deflateSync(volumeCreated('volume-gzip')), { compression: 'application/x-gzip' });
  // The recorded creation, compressed by Python's bz2.
  const bzip2 = readFileSync(new URL('../data/openstack.volume.create.end.bz2', import.meta.url));
  await publish(bzip2, { compression: 'application/x-bz2' });
  const { volume_id: id, size } = payloadOf(created);
  const all = [...expected(['volume-gzip']), `${id} volume 1`, `${id} volume.size ${size}`].sort();
  await waitUntil('both are recorded', async () => (await recorded(database)).length >= all.length, 60_000);
  expect(await recorded(database)).toEqual(all);
}, 120_000);

it('records what a service announces, each once, as soon as its exchange exists', async () => {
  const database = join(newFolder(), 'samples.db');
  const collector = await listening(database);
  await declareExchange();
  await bound();
  const first = volumeCreated('volume-1');
  for (const body of [first, first, volumeCreated('volume-2')]) expect(await publish(body)).toBe(true);
  await waitUntil('it counts the third', async () =>
    /nephoscope_plugin_samples_total\{namespace="collector",plugin="volume"\} 3/.test(
      (await collector.status('/metrics')).text,
    ),
  );
  await waitUntil('all is recorded', async () => (await countIn(database)) >= 4);
  expect(await collector.stop()).toMatchObject({ code: 0 });
  expect(await recorded(database)).toEqual(expected(['volume-1', 'volume-2']));
  for (const { publisherId, sequence } of await samplesIn(database))
    expect({ publisherId, sequence }).toEqual({ publisherId: 'collector.controller-1', sequence: null });
}, 120_000);

it('sets unreadable notifications aside, and no token appears anywhere', async () => {
  const database = join(newFolder(), 'samples.db');
  await declareExchange();
  const collector = await listening(database);
  await bound();
  const hostile = [
    ...capturesWithToken.map((name) => capture(name).body),
    ...capturesWithToken.map((name) => capture(name).body.slice(0, -20)),
    `{"event_type": "volume.create.end", "payload": ${'['.repeat(1000)}${']'.repeat(1000)}, "auth_token": "gAAAAABx"}`,
    volumeCreated('volume-1')
      .replace('\\"size\\": 20', '\\"size\\": {}')
      .replace('\\"size\\":20', '\\"size\\":{}'),
    'x'.repeat(5_000_000),
  ];
  for (const body of hostile) expect(await publish(body)).toBe(true);
  expect(await publish(volumeCreated('volume-2'))).toBe(true);
  // The size of volume-1 is not a number, which affects only that counter.
  await waitUntil('the others are recorded', async () => (await countIn(database)) >= 3, 60_000);
  await waitUntil('the dead letters are there', async () => {
    const { messageCount } = await channel.checkQueue(`${queue}.dead`);
    return messageCount === capturesWithToken.length + 3;
  });
  const deadLetters: string[] = [];
  for (
    let deadLetter = await channel.get(`${queue}.dead`);
    deadLetter !== false;
    deadLetter = await channel.get(`${queue}.dead`)
  ) {
    deadLetters.push(`${JSON.stringify(deadLetter.properties.headers)} ${deadLetter.content.toString()}`);
    channel.ack(deadLetter);
  }
  expect(
    deadLetters.filter((deadLetter) => deadLetter.includes("failed: plugin 'volume_size': NOTIFICATION_FIELD")),
  ).toHaveLength(1);
  expect(await collector.stop()).toMatchObject({ code: 0 });
  expect(`${deadLetters.join()}${JSON.stringify(collector.log)}`).not.toContain('gAAAA');
  expect(await recorded(database)).toEqual(['volume-1 volume 1', 'volume-2 volume 1', 'volume-2 volume.size 20']);
}, 120_000);

it('loses nothing and records nothing twice, however often it is killed under load', async () => {
  const database = join(newFolder(), 'samples.db');
  await declareExchange();
  // A second collector consumes the queue all the time.
  const steady = await listening(database);
  await bound();
  const ledger: string[] = [];
  let interrupted = 0;
  for (let round = 0; round < 4; round++) {
    const collector = await listening(database);
    const volumes = names(250, `round-${round}`);
    await Promise.all(volumes.map((volume) => publish(volumeCreated(volume))));
    ledger.push(...volumes);
    const before = await countIn(database);
    await waitUntil('it is in mid-work', async () => (await countIn(database)) > before);
    collector.kill('SIGKILL');
    expect(await collector.ended).toBe('SIGKILL');
    if ((await countIn(database)) < 2 * ledger.length) interrupted += 1;
  }
  expect(interrupted).toBeGreaterThan(0);
  await waitUntil('all is recorded', async () => (await countIn(database)) >= 2 * ledger.length, 60_000);
  expect((await channel.checkQueue(`${queue}.dead`)).messageCount).toBe(0);
  await waitUntil('the queue is empty', async () => (await channel.checkQueue(queue)).messageCount === 0);
  expect(await steady.stop()).toMatchObject({ code: 0 });
  expect((await channel.checkQueue(queue)).messageCount).toBe(0);
  expect(await recorded(database)).toEqual(expected(ledger));
}, 240_000);

it('stops under load within 10 s, and unfinished notifications are back in the queue', async () => {
  const database = join(newFolder(), 'samples.db');
  await declareExchange();
  const collector = await listening(database);
  await bound();
  const volumes = names(1_000, 'load');
  const publishing = Promise.all(volumes.map((volume) => publish(volumeCreated(volume))));
  await waitUntil('it records', async () => (await countIn(database)) > 0);
  const stopped = await collector.stop();
  expect(stopped.code).toBe(0);
  expect(stopped.seconds).toBeLessThan(10);
  await publishing;
  const next = await listening(database);
  await waitUntil('all is recorded', async () => (await countIn(database)) >= 2 * volumes.length, 60_000);
  expect(await next.stop()).toMatchObject({ code: 0 });
  expect(await recorded(database)).toEqual(expected(volumes));
}, 180_000);

it('consumes a queue of the services if configured, including its backlog', async () => {
  const database = join(newFolder(), 'samples.db');
  await declareExchange();
  await channel.assertQueue(routingKey, { durable: false });
  await channel.bindQueue(routingKey, exchange, routingKey);
  await publish(volumeCreated('volume-1'));
  const collector = await listening(database, { queue: { owner: 'services' } });
  await publish(bytes('{'));
  await publish(volumeCreated('volume-2'));
  await waitUntil('all is recorded', async () => (await countIn(database)) >= 4);
  await waitUntil(
    'the dead letter is there',
    async () => (await channel.checkQueue('notifications.info.dead')).messageCount === 1,
  );
  expect(await collector.stop()).toMatchObject({ code: 0 });
  expect(messages(collector, 'error')).toEqual([]);
  expect(await recorded(database)).toEqual(expected(['volume-1', 'volume-2']));
}, 120_000);
