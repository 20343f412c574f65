/** `node measured-reading.mjs '{"configuration":…}'`: reads every sample of the store, and prints how many there are and the time, ms. */
import { performance } from 'node:perf_hooks';

import { collectorProgram } from '@nephoscope/collector';
import { configure, createLogger, createReader, readConfig, systemClock } from '@nephoscope/runtime';

const job = JSON.parse(process.argv[2]);
const { config, chosen } = await configure(collectorProgram, await readConfig(job.configuration, {}));
const logger = createLogger({ name: 'reading', level: 'warn' });
const reader = createReader(chosen.storage, { logger, clock: systemClock, host: config.host });
const signal = new AbortController().signal;
await reader.start(signal);
const usage = process.cpuUsage();
const start = performance.now();
let rows = 0;
for await (const sample of reader.samples({ scope: 'all' }, signal)) rows += Number(sample.volume !== '');
const { user, system } = process.cpuUsage(usage);
process.stdout.write(JSON.stringify({ rows, wall: performance.now() - start, cpu: (user + system) / 1_000 }));
await reader.stop();
