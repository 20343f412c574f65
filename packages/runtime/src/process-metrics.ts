import { Counter, collectDefaultMetrics } from 'prom-client';
import type { Registry } from 'prom-client';

import { collectStrays } from './plugin-code.js';

// prom-client watches the event loop by a timer that fires 100 times a second, all day: 0.5 % of a CPU. This is the
// longest one that libuv takes, 24 days; the first of these is measured when it is asked for, and the others by that timer.
const never = 2 ** 31 - 1;
const byTimer = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

/**
 * What a process uses (CPU, memory, garbage collection, handles) and what plugins leave unhandled in it, measured when it
 * is asked for: it wakes up for none of it.
 */
export function collectProcessMetrics(registry: Registry): void {
  collectStrays(registry);
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never });
  for (const statistic of byTimer) registry.removeSingleMetric(`nodejs_eventloop_lag_${statistic}_seconds`);
  new Counter({
    name: 'nodejs_eventloop_active_seconds_total',
    help: 'Time that the event loop did not wait; what it grows by in a second is the share in which nothing else was done.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(performance.eventLoopUtilization().active / 1_000);
    },
  });
}
