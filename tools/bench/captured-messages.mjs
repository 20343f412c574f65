/**
 * `node captured-messages.mjs '{"configuration":…,"file":…}'`: runs a cycle of a compute agent with an in-process bus, and
 * writes its metering messages to the file in the order in which they were sent: a JSON array of `{"routingKey":…,"lines":[…]}`.
 */
import { writeFile } from 'node:fs/promises';

import { computeAgentProgram, createComputeAgent } from '@nephoscope/agent-compute';
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

const timeout = 60_000;

const job = JSON.parse(process.argv[2]);
const configured = await configure(computeAgentProgram, await readConfig(job.configuration, {}));
const { config, chosen } = configured;
const logger = createLogger({ name: computeAgentProgram.name, level: 'warn' });
const bus = createPlugin(chosen.bus, { logger, clock: systemClock, host: config.host });
const registry = new Registry();
const { agent, components: own } = createComputeAgent(configured, { bus, logger, registry });
const components = [component('bus', bus), ...own];
await startAll(components, AbortSignal.timeout(timeout), logger);
try {
  let messages = [];
  await bus.consume('metering', { prefetch: 10_000 }, ({ routingKey, body, ack }) => {
    messages.push({ routingKey, lines: Buffer.from(body).toString('utf8').trimEnd().split('\n') });
    ack();
  });
  await agent.once(AbortSignal.timeout(timeout));
  // The first cycle has no previous readings.
  messages = [];
  await agent.once(AbortSignal.timeout(timeout));
  await writeFile(job.file, JSON.stringify(messages));
  process.stdout.write(JSON.stringify({ samples: messages.reduce((sum, { lines }) => sum + lines.length, 0) }));
} finally {
  await stopAll(components, logger);
}
