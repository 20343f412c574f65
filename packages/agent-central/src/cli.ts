import { createSession, readCloud } from '@nephoscope/openstack';
import {
  component,
  createBus,
  hideInLogs,
  oversee,
  runBesideBus,
  runCommand,
  runOnce,
  systemClock,
} from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';

import { centralAgentProgram, createCentralAgent } from './program.js';

const help = {
  description:
    "Meters the cloud's services: queries them at intervals and sends signed samples to the message bus.",
  once: 'run one cycle of all meters and exit when the bus has confirmed it, with code 1 if a pollster or the bus failed',
  notes: `The cloud and the login are configured in the section openstack, in clouds.yaml or in OS_… variables.
Of several central agents on one message bus one is active, and another takes over when it ends: start any number.
An interrupted cycle is repeated, and its samples are recorded once.
With --once it reads now, without affecting the active agent: its samples are additional readings.
Signals: SIGTERM and SIGINT end the agent within 10 s. Logs are JSON lines on standard error.
Check a configuration with: nephoscope config check`,
};

await runCommand(centralAgentProgram, help, async (started) => {
  const { configured, logger, once, registry, stopped, title } = started;
  const { config } = configured;
  const session = createSession(await readCloud(config.openstack, process.env), {
    logger: logger.child({ component: 'openstack' }),
    // An outage of minutes has no effect while the cycle has time.
    timeLimit: Math.min(config.central.timeout, config.central.interval),
  });
  hideInLogs((text) => session.hide(text));
  const cloud: Component = {
    name: 'session with the cloud',
    start: () => Promise.resolve(),
    stop: () => session.close(),
  };
  const bus = createBus(started);
  const { agent, failedPlugins } = createCentralAgent(configured, { bus, session, logger, registry });
  if (once) {
    await runOnce({
      components: [cloud, component('bus', bus), agent],
      cycle: (signal) => agent.once(signal),
      cycleTime: config.central.timeout,
      ...{ failedPlugins, stopped, clock: systemClock, logger },
    });
    return;
  }
  const checks = { bus: () => bus.health(), agent: () => agent.health() };
  const oversight = oversee({ checks, status: config.status, registry, stopped, logger });
  await runBesideBus({
    bus,
    components: [...oversight.components, cloud, agent],
    async run() {
      oversight.running(title);
      await agent.run();
    },
    ...{ stopped, logger },
  });
});
