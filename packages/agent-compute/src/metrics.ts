import { createPluginMetrics } from '@nephoscope/runtime';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** The agent's own metrics on `/metrics`. */
export function createAgentMetrics(registry: Registry) {
  const registers = [registry];
  return {
    pollsters: createPluginMetrics(registry, 'poll.compute'),
    cycles: new Counter({
      name: 'nephoscope_cycles_total',
      help: 'Cycles by result',
      labelNames: ['result'],
      registers,
    }),
    skipped: new Counter({
      name: 'nephoscope_cycles_skipped_total',
      help: 'Cycles skipped because the previous one was still running or the process was stopped',
      registers,
    }),
    duration: new Histogram({
      name: 'nephoscope_cycle_seconds',
      help: 'Time from the start of a cycle until its samples were safe on disk',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    instances: new Gauge({ name: 'nephoscope_instances', help: 'Instances read in the last cycle', registers }),
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
    lastReadings: new Counter({
      name: 'nephoscope_last_readings_total',
      help: 'Readings of instances about to end, by result: read, covered (replaced by a reading of the host just before), gone, failed, dropped (too many requests)',
      labelNames: ['result'],
      registers,
    }),
    lastReadingRequests: new Counter({
      name: 'nephoscope_last_reading_requests_heard_total',
      help: 'Requests for last readings received, by kind: signed; unsigned, wrong (signature), untimely, which are served last and few at a time; replayed, unreadable, which are not served',
      labelNames: ['kind'],
      registers,
    }),
    firstReadings: new Counter({
      name: 'nephoscope_first_readings_total',
      help: 'Readings of instances that just started, by result: read, covered, gone, failed',
      labelNames: ['result'],
      registers,
    }),
    unsent: new Gauge({
      name: 'nephoscope_unsent_samples',
      help: 'Accepted samples that the bus has not confirmed yet',
      registers,
    }),
    spoolBytes: new Gauge({ name: 'nephoscope_spool_bytes', help: 'Size of the spool on disk', registers }),
    torn: new Counter({
      name: 'nephoscope_spool_torn_records_total',
      help: 'Accepted spool records that can no longer be read',
      registers,
    }),
    dropped: new Counter({
      name: 'nephoscope_samples_dropped_total',
      help: 'Samples dropped because the spool reached its limits, by meter; of cumulative meters only readings between two others',
      labelNames: ['meter'],
      registers,
    }),
    publishFailures: new Counter({
      name: 'nephoscope_publish_failures_total',
      help: 'Attempts to publish a message that the bus did not confirm',
      registers,
    }),
  };
}

export type AgentMetrics = ReturnType<typeof createAgentMetrics>;
