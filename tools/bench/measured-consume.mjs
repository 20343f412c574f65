/**
 * `node measured-consume.mjs '{"configuration":…,"url":…,"messages":…}'`: consumes that many messages from the queue, with a
 * collector's prefetch, and acknowledges each, using the client library alone. Prints the cost from the first to the last, ms.
 */
import { performance } from 'node:perf_hooks';

import { meteringTopology } from '@nephoscope/message';
import { connect } from 'amqplib';

const job = JSON.parse(process.argv[2]);
const connection = await connect(job.url);
const channel = await connection.createChannel();
// The prefetch of a collector.
await channel.prefetch(100);
let start;
let usage;
let closing = false;
let left = job.messages;
const done = new Promise((resolve, reject) => {
  channel.on('error', reject);
  channel.on('close', () => closing || reject(new Error('the channel was closed')));
  channel
    .consume(meteringTopology.queue, (message) => {
      start ??= performance.now();
      usage ??= process.cpuUsage();
      channel.ack(message);
      if (--left === 0) resolve();
    })
    .catch(reject);
});
await done;
const wall = performance.now() - start;
const { user, system } = process.cpuUsage(usage);
closing = true;
// The channel first, because otherwise the end of the connection overtakes the last acknowledgements.
await channel.close();
await connection.close();
process.stdout.write(JSON.stringify({ wall, cpu: (user + system) / 1_000 }));
