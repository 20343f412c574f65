/**
 * `node measured-publisher.mjs '{"configuration":…,"messages":…,"samples":…,"url":…,"ready":…}'`: publishes messages that were
 * signed before, as an agent does, with confirms. With `ready` it waits while that many messages are in the queue, so that the
 * queue stays short but is never empty for the consumer. Prints what it sent, when, and how often it found the queue empty.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { computeAgentProgram } from '@nephoscope/agent-compute';
import { meteringContentType, meteringTopology } from '@nephoscope/message';
import { configure, createLogger, createPlugin, readConfig, systemClock } from '@nephoscope/runtime';
import { connect } from 'amqplib';

import { bodiesAtOnce, readMessages } from './messages-file.mjs';

const startTimeout = 30_000;
/** Fewer than the buffers for bodies. */
const unconfirmedAtOnce = bodiesAtOnce / 2;
const lookEvery = 20;

const job = JSON.parse(process.argv[2]);
const { config, chosen } = await configure(computeAgentProgram, await readConfig(job.configuration, {}));
const logger = createLogger({ name: 'publisher', level: 'warn' });
const bus = createPlugin(chosen.bus, { logger, clock: systemClock, host: config.host });
await bus.start(AbortSignal.timeout(startTimeout));
await bus.declare(meteringTopology);
const connection = await connect(job.url);
const channel = await connection.createChannel();
const { exchange } = meteringTopology;

const unconfirmed = new Set();
let looks = 0;
let empty = 0;
/** The number of messages that may be published before the next check of the queue. */
let room = Number.POSITIVE_INFINITY;
async function look() {
  const { messageCount } = await channel.checkQueue(meteringTopology.queue);
  looks += 1;
  if (messageCount === 0) empty += 1;
  room = job.ready - messageCount - unconfirmed.size;
}

let messages = 0;
let bytes = 0;
let lastLook = performance.now();
const usage = process.cpuUsage();
const first = Date.now();
for (const { routingKey, body } of readMessages(job.messages, job.samples)) {
  while (job.ready !== undefined && (room <= 0 || performance.now() - lastLook > lookEvery)) {
    if (room <= 0) await sleep(lookEvery);
    await look();
    lastLook = performance.now();
  }
  if (unconfirmed.size >= unconfirmedAtOnce) await Promise.race(unconfirmed);
  const sent = bus
    .publish({ exchange, routingKey, contentType: meteringContentType, body })
    .then(() => unconfirmed.delete(sent));
  unconfirmed.add(sent);
  room -= 1;
  messages += 1;
  bytes += body.byteLength;
}
await Promise.all(unconfirmed);
const last = Date.now();
const { user, system } = process.cpuUsage(usage);
await connection.close();
await bus.stop();
process.stdout.write(
  JSON.stringify({
    first,
    last,
    messages,
    bytes,
    cpu: (user + system) / 1_000,
    emptyShare: looks && empty / looks,
  }),
);
