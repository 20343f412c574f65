/**
 * `node measured-query.mjs '{"configuration":…,"samples":…}'`: records so many samples of ten meters of instances, 1,000 readings each in 30 days,
 * by the store of a collector's configuration; rolls them up; and prints what that took, and what figures take with and without rollups, ms.
 */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';

import { collectorProgram } from '@nephoscope/collector';
import { configure, createLogger, createPlugin, createReader, readConfig, systemClock } from '@nephoscope/runtime';
import { readFigures } from '@nephoscope/statistics';

const startTimeout = 30_000;
const second = 1_000_000_000n;
const days = 30;
const readings = 1_000;
const meters = 10;
const instancesPerProject = 50;
// Measured this often, but for those that take longer in all, ms.
const repetitions = 20;
const longest = 10_000;

const job = JSON.parse(process.argv[2]);
const { config, chosen } = await configure(collectorProgram, await readConfig(job.configuration, {}));
const settings = {
  logger: createLogger({ name: 'query', level: 'warn' }),
  clock: systemClock,
  host: config.host,
};
const store = createPlugin(chosen.storage, settings);
await store.start(AbortSignal.timeout(startTimeout));
const never = new AbortController().signal;

const instances = Math.max(1, Math.round(job.samples / (readings * meters)));
/** The first of the month, 30 days ago or more. */
const now = systemClock.now();
const day = 86_400n * second;
const start = (now / day - BigInt(days) - 1n) * day;
const end = start + BigInt(days) * day;
const step = (BigInt(days) * day) / BigInt(readings);

const recorded = await measured(record);
const rolled = await measured(rollUp);
await store.stop();

const reader = createReader(chosen.storage, settings);
await reader.start(AbortSignal.timeout(startTimeout));
const ofSamples = Object.create(reader, { histories: { value: undefined } });
for (const name of ['resources', 'samples']) ofSamples[name] = reader[name].bind(reader);
const month = { start, end };
const utc = (calendar) => ({ period: { calendar, zone: 'UTC' } });
const groupBy = ['meter', 'unit'];
const byDay = { ...month, ...utc('day'), groupBy };
const project = { scope: 'all', projects: ['project-0'] };
const queries = {
  'project, one meter, month by day': [{ ...project, meters: ['meter-0'] }, byDay],
  'project, month by day': [project, byDay],
  'project, month by day, Europe/Berlin': [
    project,
    { ...byDay, period: { calendar: 'day', zone: 'Europe/Berlin' } },
  ],
  'all projects, one meter, month by hour': [
    { scope: 'all', meters: ['meter-0'] },
    { ...month, ...utc('hour'), groupBy: ['project', ...groupBy] },
  ],
};
const figures = {};
for (const [name, [selection, query]] of Object.entries(queries)) {
  const withRollups = await times(() => readFigures(reader, selection, query, never));
  const fromSamples = await times(() => readFigures(ofSamples, selection, query, never));
  const isSame = text(withRollups.result) === text(fromSamples.result);
  if (!isSame) throw new Error(`${name}: figures with and without rollups differ`);
  figures[name] = { withRollups: withRollups.times, fromSamples: fromSamples.times };
}
await reader.stop();
process.stdout.write(JSON.stringify({ instances, recorded, rolled, figures }));

async function record() {
  let batch = [];
  let count = 0;
  for (let reading = 0; reading < readings; reading++)
    for (let instance = 0; instance < instances; instance++)
      for (let meter = 0; meter < meters; meter++) {
        // Each instance is read at a time of its own.
        const timestamp = start + step * BigInt(reading) + second * BigInt(instance % 1_000);
        batch.push(sampleOf(instance, meter, reading, timestamp));
        if (batch.length < 2_000) continue;
        count += (await store.record(batch)).recorded;
        batch = [];
      }
  // So that the hour of the last one has ended.
  batch.push(sampleOf(0, 0, readings, end + day));
  count += (await store.record(batch)).recorded;
  return { samples: count };
}

function sampleOf(instance, meter, reading, timestamp) {
  const type = meter % 2 === 0 ? 'cumulative' : 'gauge';
  const messageId = randomUUID();
  const projectId = `project-${Math.floor(instance / instancesPerProject)}`;
  const metadata = `{"display_name": "vm-${instance}", "flavor": {"name": "m1.small"}}`;
  const volume = type === 'cumulative' ? String(reading * 59_000_000 + meter) : String(2_048 + (reading % 5));
  return {
    ...{ messageId, source: 'openstack', meter: `meter-${meter}`, type, unit: 'B', volume, timestamp },
    ...{ userId: 'user', projectId, resourceId: `instance-${instance}`, publisherId: 'bench', sequence: null },
    epoch: type === 'cumulative' ? `instance-${instance}/1` : null,
    text: `{"message_id": "${messageId}", "resource_metadata": ${metadata}}`,
  };
}

async function rollUp() {
  const sums = { samples: 0, spans: 0, turns: 0, longestTurn: 0 };
  for (;;) {
    const began = performance.now();
    const turn = await store.rollups.turn(end, never);
    sums.samples += turn.samples;
    sums.spans += turn.spans;
    sums.turns += 1;
    sums.longestTurn = Math.max(sums.longestTurn, performance.now() - began);
    if (!turn.isMore) return sums;
  }
}

async function measured(work) {
  const usage = process.cpuUsage();
  const began = performance.now();
  const result = await work();
  const { user, system } = process.cpuUsage(usage);
  return { ...result, wall: performance.now() - began, cpu: (user + system) / 1_000 };
}

/** Once to warm up. */
async function times(work) {
  const found = [];
  let result;
  const began = performance.now();
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const from = performance.now();
    result = await work();
    if (repetition > 0 || performance.now() - began > longest) found.push(performance.now() - from);
    if (performance.now() - began > longest) break;
  }
  found.sort((one, other) => one - other);
  const at = (share) => found[Math.min(found.length - 1, Math.ceil(share * found.length) - 1)];
  return { result, times: { repetitions: found.length, median: at(0.5), p95: at(0.95) } };
}

function text(value) {
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item));
}
