import { Counter, collectDefaultMetrics } from 'prom-client';
import type { Registry } from 'prom-client';

import { collectStrays } from './plugin-code.js';

// prom-client monitors the event loop with a timer that fires 100 times a second: 0.5 % of a CPU. This is the longest
// interval that libuv accepts, 24 days. The current lag is measured on request; the statistics would need the timer.
const never = 2 ** 31 - 1;
const byTimer = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

/**
 * Resource usage of the process (CPU, memory, garbage collection, handles) and errors that plugins left unhandled,
 * measured on request and without wake-ups.
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
