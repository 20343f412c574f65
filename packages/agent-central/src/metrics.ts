import { createPluginMetrics } from '@nephoscope/runtime';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** The agent's own metrics on `/metrics`. */
export function createAgentMetrics(registry: Registry) {
  const registers = [registry];
  return {
    pollsters: createPluginMetrics(registry, 'poll.central'),
    leader: new Gauge({
      name: 'nephoscope_central_active',
      help: '1 while this central agent is active, 0 while it is on standby',
      registers,
    }),
    cycles: new Counter({
      name: 'nephoscope_cycles_total',
      help: 'Cycles by result',
      labelNames: ['result'],
      registers,
    }),
    duration: new Histogram({
      name: 'nephoscope_cycle_seconds',
      help: 'Time from the start of a cycle until the bus had confirmed its samples',
      buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
      registers,
    }),
    missing: new Counter({
      name: 'nephoscope_missing_figures_total',
      help: 'Missing figures, by reason',
      labelNames: ['reason'],
      registers,
    }),
    pluginFailures: new Gauge({
      name: 'nephoscope_plugins_failed',
      help: 'Pollsters that could not be loaded',
      registers,
    }),
    publishFailures: new Counter({
      name: 'nephoscope_publish_failures_total',
      help: 'Attempts to publish a message that the bus did not confirm',
      registers,
    }),
    unsent: new Counter({
      name: 'nephoscope_unsent_samples_total',
      help: 'Samples given up because the bus had not confirmed them when their cycle ended',
      registers,
    }),
  };
}

export type AgentMetrics = ReturnType<typeof createAgentMetrics>;
