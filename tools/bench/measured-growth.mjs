/**
 * `node measured-growth.mjs '{"configuration":…,"messages":…,"rows":…,"step":…}'`: records that many samples in the store of a
 * collector's configuration, in the collector's batches, and prints the time of each `step` in `record`, ms. The samples repeat
 * those of the captured cycle, ten minutes later each time; signatures are random digits, because the store does not verify them.
 */
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import { KnownMessages, collectorProgram } from '@nephoscope/collector';
import { formatTimestamp } from '@nephoscope/core';
import { readMeteringMessage } from '@nephoscope/message';
import { configure, createLogger, createPlugin, readConfig, systemClock } from '@nephoscope/runtime';
import { v7 as uuid } from 'uuid';

const startTimeout = 30_000;
const cycleNs = 600n * 1_000_000_000n;

// The size of a collector's transactions.
const batchSamples = 2_000;
const job = JSON.parse(process.argv[2]);
const { config, chosen } = await configure(collectorProgram, await readConfig(job.configuration, {}));
const logger = createLogger({ name: 'growth', level: 'warn' });
const store = createPlugin(chosen.storage, { logger, clock: systemClock, host: config.host });
await store.start(AbortSignal.timeout(startTimeout));

const steps = [];
let step = { rows: 0, wall: 0, cpu: 0 };
let batch = [];
for (const sample of samples(job.messages, job.rows)) {
  batch.push(sample);
  if (batch.length < batchSamples) continue;
  await record();
  if (step.rows >= job.step) nextStep();
}
if (batch.length > 0) await record();
if (step.rows > 0) nextStep();
await store.stop();
process.stdout.write(JSON.stringify(steps));

async function record() {
  const usage = process.cpuUsage();
  const start = performance.now();
  const { recorded } = await store.record(batch);
  step.wall += performance.now() - start;
  const { user, system } = process.cpuUsage(usage);
  step.cpu += (user + system) / 1_000;
  step.rows += recorded;
  if (recorded !== batch.length) throw new Error(`${recorded} of ${batch.length} samples were recorded`);
  batch = [];
}

function nextStep() {
  steps.push(step);
  step = { rows: 0, wall: 0, cpu: 0 };
}

function* samples(file, rows) {
  const lines = JSON.parse(readFileSync(file, 'utf8')).flatMap((message) => message.lines);
  const series = lines.map((line) => {
    const { sample } = readMeteringMessage(line);
    return { sample, pieces: cut(line, sample) };
  });
  const known = new KnownMessages();
  const digits = Buffer.alloc(32);
  for (let number = 0; number < rows; number++) {
    const { sample, pieces } = series[number % series.length];
    const messageId = uuid();
    const timestamp = sample.timestamp + cycleNs * BigInt(Math.floor(number / series.length));
    const volume = String(number);
    const sequence = BigInt(number);
    const signature = randomFillSync(digits).toString('hex');
    const values = [volume, messageId, String(sequence), formatTimestamp(timestamp), signature];
    const text = pieces[0] + values.map((value, index) => value + pieces[index + 1]).join('');
    // As one contiguous string, as when it is received.
    const read = known.read(Buffer.from(text).toString());
    known.learn(read);
    yield read.sample;
  }
}

/** The message without the values of fields that differ from cycle to cycle. */
function cut(line, { volume, messageId, sequence }) {
  const before = [
    ['"counter_volume":', volume],
    ['"message_id":"', messageId],
    ['"sequence":', String(sequence)],
    ['"timestamp":"', /"timestamp":"([^"]*)"/.exec(line)[1]],
    ['"message_signature":"', /"message_signature":"([^"]*)"/.exec(line)[1]],
  ];
  const pieces = [];
  let from = 0;
  for (const [key, value] of before) {
    const at = line.indexOf(key + value, from);
    if (at < 0) throw new Error(`there is no ${key}${value} where it was expected in ${line}`);
    pieces.push(line.slice(from, at + key.length));
    from = at + key.length + value.length;
  }
  return [...pieces, line.slice(from)];
}
