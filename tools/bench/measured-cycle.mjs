/**
 * `node measured-cycle.mjs '{"configuration":…,"uri":…,"warmUp":…,"rounds":…}'`: runs cycles of a compute agent, each followed
 * by the bare call, and prints the cost of each. Plain JavaScript, because a TypeScript loader in the process would be measured
 * as well.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { computeAgentProgram, createComputeAgent } from '@nephoscope/agent-compute';
import { connect } from '@nephoscope/libvirt';
import {
  component,
  configure,
  createLogger,
  createPlugin,
  readConfig,
  startAll,
  stopAll,
  systemClock,
} from '@nephoscope/runtime';
import { Registry } from 'prom-client';

// So that work left by one measurement does not count as the next one's.
const pause = 100;
const startTimeout = 30_000;
const roundTimeout = 30_000;
// What the inspector reads when every pollster runs.
const query = {
  groups: ['state', 'cpuTotal', 'vcpu', 'balloon', 'perf', 'block', 'interface'],
  flags: { nowait: true },
};

const job = JSON.parse(process.argv[2]);
const configured = await configure(computeAgentProgram, await readConfig(job.configuration, {}));
const { config, chosen } = configured;
const logger = createLogger({ name: computeAgentProgram.name, level: 'warn' });
const registry = new Registry();
const bus = createPlugin(chosen.bus, { logger, clock: systemClock, host: config.host });
const { agent, components: own, failedPlugins } = createComputeAgent(configured, { bus, logger, registry });
if (failedPlugins > 0) throw new Error(`${failedPlugins} pollsters could not be loaded: see above`);

const components = [component('bus', bus), ...own];
await startAll(components, AbortSignal.timeout(startTimeout), logger);
const connection = await connect(job.uri);
try {
  // The in-process bus confirms what its consumer acknowledges.
  if (config.bus.type === 'memory')
    await bus.consume('metering', { prefetch: 10_000 }, (delivery) => delivery.ack());

  const rounds = [];
  for (let round = -job.warmUp; round < job.rounds; round++) {
    const signal = AbortSignal.timeout(roundTimeout);
    const bare = await measure(() => connection.allDomainStats(query, { signal }));
    const before = await samplesTaken();
    const cycle = await measure(() => agent.once(signal));
    if (round >= 0) rounds.push({ bare, cycle, samples: (await samplesTaken()) - before });
  }
  process.stdout.write(JSON.stringify(rounds));
} finally {
  await connection.close();
  await stopAll(components, logger);
}

async function measure(action) {
  await sleep(pause);
  const usage = process.cpuUsage();
  const start = performance.now();
  await action();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(usage);
  return { wall, cpu: (user + system) / 1_000 };
}

async function samplesTaken() {
  const { values } = await registry.getSingleMetric('nephoscope_plugin_samples_total').get();
  return values.reduce((sum, { value }) => sum + value, 0);
}
