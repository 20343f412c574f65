/**
 * `node --expose-gc measured-resources.mjs '{"configuration":…,"resources":…,"meters":…,"cycles":…}'`: reads and records, as a
 * collector does, messages of that many resources, each with different metadata, and prints the memory after each cycle and at the
 * peak, MiB. Signatures are not verified, which would retain nothing.
 */
import { randomBytes } from 'node:crypto';

import { KnownMessages, collectorProgram } from '@nephoscope/collector';
import { formatTimestamp } from '@nephoscope/core';
import { configure, createLogger, createPlugin, readConfig, systemClock } from '@nephoscope/runtime';
import { v7 as uuid } from 'uuid';

const startTimeout = 30_000;
const cycleNs = 600n * 1_000_000_000n;
/** The resources of one host: an agent sends its meters one after another. */
const resourcesOfHost = 500;
const inMiB = (bytes) => Math.round(bytes / 1024 ** 2);

// The size of a collector's transactions.
const batchSamples = 2_000;
const job = JSON.parse(process.argv[2]);
const { config, chosen } = await configure(collectorProgram, await readConfig(job.configuration, {}));
const logger = createLogger({ name: 'resources', level: 'warn' });
const store = createPlugin(chosen.storage, { logger, clock: systemClock, host: config.host });
await store.start(AbortSignal.timeout(startTimeout));
const known = new KnownMessages();
const resourceIds = Array.from({ length: job.resources }, () => uuid());
const signature = randomBytes(32).toString('hex');
const start = systemClock.now();

const cycles = [];
for (let cycle = 0; cycle < job.cycles; cycle++) {
  let batch = [];
  const record = async () => {
    const { recorded } = await store.record(batch);
    if (recorded !== batch.length) throw new Error(`${recorded} of ${batch.length} samples were recorded`);
    batch = [];
  };
  for (const text of messages(cycle)) {
    const read = known.read(text);
    known.learn(read);
    batch.push(read.sample);
    if (batch.length >= batchSamples) await record();
  }
  if (batch.length > 0) await record();
  const residentMiB = inMiB(process.memoryUsage.rss());
  globalThis.gc();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const settled = { residentMiB: inMiB(rss), heapMiB: inMiB(heapUsed), arrayBuffersMiB: inMiB(arrayBuffers) };
  cycles.push({ residentMiB, settled });
}
await store.stop();
// In KiB on Linux.
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(JSON.stringify({ peakMiB, cycles }));

function* messages(cycle) {
  const timestamp = formatTimestamp(start + BigInt(cycle) * cycleNs);
  for (let first = 0; first < job.resources; first += resourcesOfHost)
    for (let meter = 0; meter < job.meters; meter++)
      for (let number = first; number < Math.min(first + resourcesOfHost, job.resources); number++)
        yield message(number, meter, cycle, timestamp);
}

/** As an agent writes it, with nova's metadata; one contiguous string, as when it is received. */
function message(number, meter, cycle, timestamp) {
  const resourceId = resourceIds[number];
  const metadata = {
    display_name: `server-${number}`,
    flavor: {
      disk: 20,
      ephemeral: 0,
      id: '6d2a1c08-5c0b-4a3c-9b60-2b7d2f1f0c11',
      name: 'm1.small',
      ram: 2048,
      vcpus: 1,
    },
    host: `compute-${Math.floor(number / resourcesOfHost)}`,
    image: { id: '0f3e0a52-8a3c-4f9e-9d9c-7d0f2f0a5d10' },
    instance_id: resourceId,
    metadata: { owner: `team-${number % 100}`, role: 'web' },
    name: `instance-${number.toString(16).padStart(8, '0')}`,
    state: 'running',
  };
  const fields = {
    counter_name: `meter.${meter}`,
    counter_type: 'cumulative',
    counter_unit: 'B',
    counter_volume: cycle * 1_000_000 + number,
    epoch: `4b1d6a3e-5b7f-4f0e-8f43-6e0a8f3c1d22/${number}`,
    message_id: uuid(),
    project_id: `project-${number % 200}`,
    publisher_id: `compute.compute-${Math.floor(number / resourcesOfHost)}/1`,
    resource_id: resourceId,
    resource_metadata: metadata,
    sequence: (cycle * job.resources + number) * job.meters + meter,
    signature_form: 'canonical',
    source: 'openstack',
    timestamp,
    user_id: `user-${number % 200}`,
    message_signature: signature,
  };
  return Buffer.from(JSON.stringify(fields)).toString();
}
