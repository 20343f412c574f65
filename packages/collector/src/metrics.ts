import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the collector tells of itself on `/metrics`. */
export function createCollectorMetrics(registry: Registry) {
  const registers = [registry];
  return {
    messages: new Counter({
      name: 'nephoscope_collector_messages_total',
      help: 'Messages taken off the queue',
      registers,
    }),
    recorded: new Counter({
      name: 'nephoscope_collector_samples_recorded_total',
      help: 'Samples that are new in the store',
      registers,
    }),
    duplicates: new Counter({
      name: 'nephoscope_collector_samples_duplicate_total',
      help: 'Samples that were in the store already',
      registers,
    }),
    conflicts: new Counter({
      name: 'nephoscope_collector_samples_conflicting_total',
      help: 'Samples that say otherwise than the one that was recorded under their message id; both are kept',
      registers,
    }),
    refused: new Counter({
      name: 'nephoscope_collector_samples_refused_total',
      help: 'Metering messages that went to the dead letters, by reason',
      labelNames: ['reason'],
      registers,
    }),
    withoutVolume: new Counter({
      name: 'nephoscope_collector_samples_without_volume_total',
      help: 'Metering messages whose volume is null: whoever sent them measured nothing, and nothing is recorded',
      registers,
    }),
    storeFailures: new Counter({
      name: 'nephoscope_collector_store_failures_total',
      help: 'Batches that the store did not take at a try',
      registers,
    }),
    underWay: new Gauge({
      name: 'nephoscope_collector_messages_under_way',
      help: 'Messages taken off the queue and not settled yet',
      registers,
    }),
    gone: new Counter({
      name: 'nephoscope_collector_messages_gone_total',
      help: 'Messages whose connection was lost before they were settled: they come again',
      registers,
    }),
    commit: new Histogram({
      name: 'nephoscope_collector_commit_seconds',
      help: 'Time to record a batch',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
  };
}

export type CollectorMetrics = ReturnType<typeof createCollectorMetrics>;
