import { createPluginMetrics } from '@nephoscope/runtime';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the agent tells of itself on `/metrics`. */
export function createAgentMetrics(registry: Registry) {
  const registers = [registry];
  return {
    pollsters: createPluginMetrics(registry, 'poll.compute'),
    cycles: new Counter({
      name: 'nephoscope_cycles_total',
      help: 'Cycles by how they ended',
      labelNames: ['result'],
      registers,
    }),
    skipped: new Counter({
      name: 'nephoscope_cycles_skipped_total',
      help: 'Cycles left out because the one before was still running, or the process stood still',
      registers,
    }),
    duration: new Histogram({
      name: 'nephoscope_cycle_seconds',
      help: 'From the start of a cycle until its samples were safe on disk',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    instances: new Gauge({ name: 'nephoscope_instances', help: 'Instances read in the last cycle', registers }),
    gaps: new Counter({
      name: 'nephoscope_gaps_total',
      help: 'Figures that were missing, by reason',
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
      help: 'Readings of instances that are about to end, by result: read, covered (a reading of the host came just before), gone, failed, dropped (too many were asked for)',
      labelNames: ['result'],
      registers,
    }),
    lastReadingRequests: new Counter({
      name: 'nephoscope_last_reading_requests_heard_total',
      help: 'Requests for last readings that came, by kind: signed; unsigned, wrong (signature), untimely, which are served last and few at a time; replayed, unreadable, which are not',
      labelNames: ['kind'],
      registers,
    }),
    firstReadings: new Counter({
      name: 'nephoscope_first_readings_total',
      help: 'Readings of instances that have just started, by result: read, covered, gone, failed',
      labelNames: ['result'],
      registers,
    }),
    unsent: new Gauge({
      name: 'nephoscope_unsent_samples',
      help: 'Samples taken that the bus has not confirmed yet',
      registers,
    }),
    spoolBytes: new Gauge({ name: 'nephoscope_spool_bytes', help: 'Size of the spool on disk', registers }),
    torn: new Counter({
      name: 'nephoscope_spool_torn_records_total',
      help: 'Records of the spool that were taken and cannot be read any more',
      registers,
    }),
    dropped: new Counter({
      name: 'nephoscope_samples_dropped_total',
      help: 'Samples that were dropped since the spool reached its bounds, by meter; of cumulative meters only readings between two others',
      labelNames: ['meter'],
      registers,
    }),
    publishFailures: new Counter({
      name: 'nephoscope_publish_failures_total',
      help: 'Messages that the bus did not confirm at a try',
      registers,
    }),
  };
}

export type AgentMetrics = ReturnType<typeof createAgentMetrics>;
