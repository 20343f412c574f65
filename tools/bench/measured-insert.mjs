/**
 * `node measured-insert.mjs '{"configuration":…,"messages":…,"samples":…}'`: records samples from the file in the store of a
 * collector's configuration, in the collector's batches. Prints their number and the time, ms, without that of reading them.
 */
import { performance } from 'node:perf_hooks';

import { KnownMessages, collectorProgram } from '@nephoscope/collector';
import { meteringContentType, meteringTexts } from '@nephoscope/message';
import { configure, createLogger, createPlugin, readConfig, systemClock } from '@nephoscope/runtime';

import { readMessages } from './messages-file.mjs';

const startTimeout = 30_000;

// The size of a collector's transactions.
const batchSamples = 2_000;
const job = JSON.parse(process.argv[2]);
const { config, chosen } = await configure(collectorProgram, await readConfig(job.configuration, {}));
const logger = createLogger({ name: 'insert', level: 'warn' });
const store = createPlugin(chosen.storage, { logger, clock: systemClock, host: config.host });
await store.start(AbortSignal.timeout(startTimeout));
const messages = new KnownMessages();
let samples = 0;
let wall = 0;
let cpu = 0;
let batch = [];
async function record() {
  const usage = process.cpuUsage();
  const start = performance.now();
  const { recorded } = await store.record(batch);
  wall += performance.now() - start;
  const { user, system } = process.cpuUsage(usage);
  cpu += (user + system) / 1_000;
  if (recorded !== batch.length) throw new Error(`${recorded} of ${batch.length} samples were recorded`);
  samples += recorded;
  batch = [];
}
for (const { body } of readMessages(job.messages, job.samples)) {
  for (const text of meteringTexts(body, meteringContentType)) {
    const read = messages.read(text);
    messages.learn(read);
    batch.push(read.sample);
  }
  if (batch.length >= batchSamples) await record();
}
if (batch.length > 0) await record();
await store.stop();
process.stdout.write(JSON.stringify({ samples, wall, cpu }));
