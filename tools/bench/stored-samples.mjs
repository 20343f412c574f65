/** `node stored-samples.mjs '{"configuration":…}'`: prints the number of samples of each meter in the store of a collector's configuration. */
import { collectorProgram } from '@nephoscope/collector';
import { configure, createLogger, createReader, readConfig, systemClock } from '@nephoscope/runtime';

const startTimeout = 30_000;

const job = JSON.parse(process.argv[2]);
const { config, chosen } = await configure(collectorProgram, await readConfig(job.configuration, {}));
const logger = createLogger({ name: 'count', level: 'warn' });
const reader = createReader(chosen.storage, { logger, clock: systemClock, host: config.host });
await reader.start(AbortSignal.timeout(startTimeout));
const meters = await reader.meters({ scope: 'all' }, AbortSignal.timeout(startTimeout));
await reader.stop();
process.stdout.write(JSON.stringify(Object.fromEntries(meters.map(({ name, samples }) => [name, samples]))));
