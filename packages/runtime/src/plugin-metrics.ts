import type { Namespace } from '@nephoscope/core';
import { Counter, Summary } from 'prom-client';
import type { Registry } from 'prom-client';

/** A program's measurements of each plugin that makes counters, without the plugin's participation. */
export interface PluginMetrics {
  /** A call begins; the returned function ends it. */
  readonly called: (plugin: string) => () => void;
  readonly sampled: (plugin: string, samples: number) => void;
  readonly failed: (plugin: string) => void;
}

const labelNames = ['namespace', 'plugin'] as const;

/** For each registry: `nephoscope up` runs several programs with one. */
const metrics = new WeakMap<Registry, ReturnType<typeof createMetrics>>();

function createMetrics(registry: Registry) {
  const registers = [registry];
  return {
    seconds: new Summary({
      name: 'nephoscope_plugin_seconds',
      help: 'Calls of a plugin and their time: a pollster for all instances of a cycle, a notification plugin for a notification',
      percentiles: [],
      labelNames,
      registers,
    }),
    samples: new Counter({
      name: 'nephoscope_plugin_samples_total',
      help: "Samples made of a plugin's counters, once they are taken (compute agent) or confirmed by the bus (the others)",
      labelNames,
      registers,
    }),
    failures: new Counter({
      name: 'nephoscope_plugin_failures_total',
      help: 'Failures of a plugin: for each call or instance that it failed on, and each counter that cannot be sent',
      labelNames,
      registers,
    }),
  };
}

/**
 * The same metrics in every program, so that one dashboard and one alert serve all plugins. The number of calls is
 * the count of `nephoscope_plugin_seconds`.
 */
export function createPluginMetrics(registry: Registry, namespace: Namespace): PluginMetrics {
  const { seconds, samples, failures } = metrics.get(registry) ?? createMetrics(registry);
  metrics.set(registry, { seconds, samples, failures });
  return {
    called: (plugin) => seconds.startTimer({ namespace, plugin }),
    sampled: (plugin, made) => samples.inc({ namespace, plugin }, made),
    failed: (plugin) => failures.inc({ namespace, plugin }),
  };
}
