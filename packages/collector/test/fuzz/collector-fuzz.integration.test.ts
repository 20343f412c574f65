import { join } from 'node:path';

import { createVerifier, meteringContentType, meteringTopology } from '@nephoscope/message';

import { KnownMessages } from '../../src/known/known-messages.js';
import { FakeDelivery } from '@nephoscope/testing';
import { connect } from 'amqplib';

import { waitUntil } from '../../../../tools/testbed/processes.js';
import { newFolder, startDaemon } from '../../../agent-compute/test/daemon.js';
import { takeIn } from '../../src/intake.js';
import { deadLettersOf } from '../../src/dead-letters.js';
import { recordedIds, TestBroker } from '../broker.js';
import { metricOf } from '../daemon-metrics.js';
import { secret } from '../support.js';
import { hostileMessages, labSecret } from './hostile-messages.js';
import type { HostileMessage } from './hostile-messages.js';

const { exchange, queue, deadLetterQueue } = meteringTopology;
const MiB = 1024 * 1024;
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const count = 4_000;

const broker = new TestBroker();

const huge: HostileMessage = {
  body: Buffer.alloc(100 * MiB, '{"counter_name":"cpu"}\n'),
  contentType: meteringContentType,
  routingKey: 'metering.cpu',
  headers: {},
};

it(`acknowledges hostile messages, and each part is either recorded or among the dead letters (FUZZ_SEED=${seed})`, async () => {
  const next = hostileMessages(seed);
  const messages = Array.from({ length: count }, next);
  messages.splice(count / 2, 0, huge);
  // The expected results.
  const readers = {
    messages: new KnownMessages(),
    verifier: createVerifier({ secrets: [secret, labSecret] }),
  };
  const expected = { ids: new Set<string>(), samples: 0, dead: 0, deadLetters: 0 };
  for (const { body, contentType } of messages) {
    const delivery = new FakeDelivery({ queue, body, contentType });
    const { samples, refusals } = takeIn(delivery, readers);
    for (const { messageId } of samples) expected.ids.add(messageId.replaceAll('\0', '\ufffd'));
    expected.samples += samples.length;
    expected.dead += refusals.length;
    expected.deadLetters += deadLettersOf(refusals, delivery).length;
  }

  const database = join(newFolder(), 'samples.db');
  const collector = startDaemon('collector', {
    secrets: [secret.reveal(), labSecret.reveal()],
    bus: { url: broker.url },
    storage: { url: `sqlite:${database}` },
    collector: { signatures: ['canonical', 'ceilometer'] },
  });
  await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);

  const connection = await connect(broker.url);
  const channel = await connection.createConfirmChannel();
  for (const { body, contentType, routingKey, headers } of messages)
    channel.publish(exchange, routingKey, body, {
      ...(contentType === undefined ? {} : { contentType }),
      headers,
      persistent: true,
    });
  await channel.waitForConfirms();

  let mostMemory = 0;
  await waitUntil(
    'all is settled',
    async () => {
      mostMemory = Math.max(mostMemory, await metricOf(collector, 'process_resident_memory_bytes'));
      // Some return to the queue while the huge one is there, and are delivered again.
      const isEmpty = (await channel.checkQueue(queue)).messageCount === 0;
      const settled = isEmpty && (await metricOf(collector, 'messages_under_way')) === 0;
      return settled && (await metricOf(collector, 'messages_total')) >= messages.length;
    },
    40_000,
  );
  const recorded = await metricOf(collector, 'samples_recorded_total');
  const duplicates = await metricOf(collector, 'samples_duplicate_total');
  expect(recorded).toBe(expected.ids.size);
  // Consuming starts again now and then, and messages may be delivered again whose acknowledgement was lost with the channel (decision 012).
  expect(recorded + duplicates).toBeGreaterThanOrEqual(expected.samples);
  expect(await metricOf(collector, 'samples_refused_total')).toBeGreaterThanOrEqual(expected.dead);
  expect(await recordedIds(database)).toEqual([...expected.ids].sort());

  expect((await channel.checkQueue(queue)).messageCount).toBe(0);
  const dead: { readonly reason: unknown; readonly bytes: number }[] = [];
  await channel.consume(
    deadLetterQueue,
    (message) => {
      if (message === null) return;
      dead.push({ reason: message.properties.headers?.['x-reason'], bytes: message.content.length });
    },
    { noAck: true },
  );
  await waitUntil('all dead letters are there', () => dead.length >= expected.deadLetters);
  await connection.close();
  expect(dead.length).toBeGreaterThanOrEqual(expected.deadLetters);
  // A description replaces it.
  const ofHuge = dead.filter(({ reason }) => /^unreadable: a message of 104857600 bytes/.test(String(reason)));
  expect(ofHuge.map(({ bytes }) => bytes < 1_000)).toEqual([true]);
  const reasons = [...new Set(dead.map(({ reason }) => String(reason).split(':')[0] as string))];
  const isKnown = (reason: string) => /^(unreadable|unsigned|(scheme|signature|form)-\w+)$/.test(reason);
  expect(reasons.filter((reason) => !isKnown(reason))).toEqual([]);
  // The huge message is held once as it is received, and once as it is sent.
  expect(mostMemory).toBeLessThan(640 * MiB);
  expect(await collector.stop()).toMatchObject({ code: 0 });
}, 120_000);
