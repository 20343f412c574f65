import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Secret } from '@nephoscope/core/options';
import { createVerifier, meteringTopology, readMeteringMessage } from '@nephoscope/message';
import { connect } from 'amqplib';
import type { Channel, ChannelModel } from 'amqplib';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { countIn, endDaemons, newFolder, samplesIn, startDaemon } from '../../agent-compute/test/daemon.js';
import type { Daemon } from '../../agent-compute/test/daemon.js';
import { line, secret } from './support.js';

const { exchange, queue, deadLetterQueue } = meteringTopology;
// Ceilometer 19 and the tests sign with different secrets.
const secrets = ['lab-secret', secret.reveal()];

interface Capture {
  readonly routing_key: string;
  readonly body: string;
}

const captures = readdirSync(new URL('data/ceilometer/', import.meta.url))
  .filter((name) => name.includes('telemetry.polling'))
  .map((name) => JSON.parse(readFileSync(new URL(`data/ceilometer/${name}`, import.meta.url), 'utf8')) as Capture);

let rabbitmq: PrivateRabbitmq;
let model: ChannelModel;
let channel: Channel;
let collector: Daemon | undefined;

async function open(): Promise<void> {
  model = await connect(rabbitmq.url);
  model.on('error', () => undefined);
  channel = await model.createChannel();
  channel.on('error', () => undefined);
}

/** As oslo.messaging does before it publishes; fails if the exchange exists with other arguments. */
const declareAsOslo = () => channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: false });

const publish = (routingKey: string, body: string) =>
  channel.publish(exchange, routingKey, Buffer.from(body), {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 0,
  });

const publishCaptured = () => captures.forEach(({ routing_key, body }) => publish(routing_key, body));

const idsIn = ({ body }: Capture) =>
  Array.from(body.matchAll(/\\"message_id\\": \\"([0-9a-f-]+)\\", \\"monotonic_time/g), ([, id]) => id as string);
const capturedIds = captures.flatMap(idsIn).sort();

const isBound = async () =>
  (await rabbitmq.ctl('list_bindings', 'source_name', 'destination_name', 'routing_key')).includes(
    `${exchange}\t${queue}\tnotifications.sample`,
  );

/** A collector that is bound to the exchange of Ceilometer's agents. */
async function started(database: string): Promise<Daemon> {
  collector = startDaemon('collector', {
    secrets,
    bus: { url: rabbitmq.url },
    storage: { url: `sqlite:${database}` },
    collector: { signatures: ['canonical', 'ceilometer'] },
  });
  await waitUntil('it is bound', isBound, 30_000);
  return collector;
}

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
}, 120_000);

beforeEach(open);

afterEach(async () => {
  collector?.kill('SIGKILL');
  await collector?.ended;
  // The broker closed the other channel when it refused the declaration.
  const fresh = await model.createChannel();
  for (const name of [queue, deadLetterQueue]) await fresh.deleteQueue(name);
  await fresh.deleteExchange(exchange);
  await model.close();
});

afterAll(async () => {
  await endDaemons();
  await rabbitmq?.stop();
}, 60_000);

it('records what Ceilometer published, and its signature can be verified again', async () => {
  const database = join(newFolder(), 'samples.db');
  await declareAsOslo();
  const running = await started(database);
  publishCaptured();
  const twice = line({ form: 'ceilometer', id: 'cast' });
  for (const key of ['metering', 'metering.cpu'])
    publish(key, `{"method": "record_metering_data", "version": "1.0", "args": {"data": ${twice}}}`);
  await waitUntil('all is recorded', async () => (await countIn(database)) > capturedIds.length, 60_000);
  await waitUntil('all is settled', async () =>
    /nephoscope_collector_samples_duplicate_total 1\n/.test((await running.status('/metrics')).text),
  );
  expect(await running.stop()).toMatchObject({ code: 0 });

  const samples = await samplesIn(database);
  expect(samples.map(({ messageId }) => messageId).sort()).toEqual([...capturedIds, 'cast'].sort());
  const verifier = createVerifier({ secrets: secrets.map((text) => new Secret(text)) });
  for (const { text } of samples) expect(verifier.verify(readMeteringMessage(text).message)).toBe('verified');
  expect(await channel.checkQueue(deadLetterQueue)).toMatchObject({ messageCount: 0 });
}, 120_000);

it('declares its exchange in such a way that Ceilometer can declare it later', async () => {
  const database = join(newFolder(), 'samples.db');
  await started(database);
  await declareAsOslo();
  publishCaptured();
  await waitUntil('all is recorded', async () => (await countIn(database)) === capturedIds.length, 60_000);
}, 120_000);

it('continues after the broker lost the exchange and its bindings', async () => {
  const database = join(newFolder(), 'samples.db');
  await declareAsOslo();
  await started(database);
  await rabbitmq.restart();
  await open();
  await declareAsOslo();
  await waitUntil('it is bound again', isBound, 60_000);
  publishCaptured();
  await waitUntil('all is recorded', async () => (await countIn(database)) === capturedIds.length, 60_000);
}, 180_000);
