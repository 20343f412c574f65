import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** The collector's own metrics on `/metrics`. */
export function createCollectorMetrics(registry: Registry) {
  const registers = [registry];
  return {
    messages: new Counter({
      name: 'nephoscope_collector_messages_total',
      help: 'Messages received from the queue',
      registers,
    }),
    recorded: new Counter({
      name: 'nephoscope_collector_samples_recorded_total',
      help: 'Samples newly recorded',
      registers,
    }),
    duplicates: new Counter({
      name: 'nephoscope_collector_samples_duplicate_total',
      help: 'Samples that were already recorded',
      registers,
    }),
    conflicts: new Counter({
      name: 'nephoscope_collector_samples_conflicting_total',
      help: 'Samples that differ from the one recorded with the same message id; both are kept',
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
      help: 'Metering messages whose volume is null: nothing was measured, and nothing is recorded',
      registers,
    }),
    storeFailures: new Counter({
      name: 'nephoscope_collector_store_failures_total',
      help: 'Failed attempts to record a batch',
      registers,
    }),
    underWay: new Gauge({
      name: 'nephoscope_collector_messages_under_way',
      help: 'Messages received from the queue and not settled yet',
      registers,
    }),
    gone: new Counter({
      name: 'nephoscope_collector_messages_gone_total',
      help: 'Messages whose connection was lost before they were settled: they are delivered again',
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
