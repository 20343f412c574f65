import {
  component,
  createBus,
  oversee,
  runBesideBus,
  runCommand,
  runOnce,
  systemClock,
} from '@nephoscope/runtime';

import { allowHeapFitting } from './heap.js';
import { computeAgentProgram, createComputeAgent } from './program.js';

allowHeapFitting();

const help = {
  description:
    'Meters the virtual machines of this host: reads them at intervals and sends signed samples to the message bus.',
  once: 'run one cycle of all meters and exit when the bus has confirmed it, with code 1 if a reading, a pollster or the bus failed',
  notes: `Signals: SIGTERM and SIGINT end the agent within 10 s; what the bus has not confirmed is kept in the state
directory and sent at the next start. Logs are JSON lines on standard error.
Check a configuration with: nephoscope config check`,
};

await runCommand(computeAgentProgram, help, async (started) => {
  const { configured, logger, once, registry, stopped, title } = started;
  const { config } = configured;
  const bus = createBus(started);
  const parts = { bus, logger, registry };
  const { agent, inspector, components, failedPlugins } = createComputeAgent(configured, parts);
  if (once) {
    await runOnce({
      components: [component('bus', bus), ...components],
      cycle: (signal) => agent.once(signal),
      cycleTime: config.compute.timeout,
      ...{ failedPlugins, stopped, clock: systemClock, logger },
    });
    return;
  }
  const checks = {
    bus: () => bus.health(),
    hypervisor: () => inspector.health(),
    agent: () => agent.health(),
  };
  const oversight = oversee({ checks, status: config.status, registry, stopped, logger });
  await runBesideBus({
    bus,
    components: [...oversight.components, ...components],
    async run() {
      oversight.running(title);
      await agent.run();
    },
    ...{ stopped, logger },
  });
});
