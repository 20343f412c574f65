import { setTimeout as delay } from 'node:timers/promises';

import { Registry } from 'prom-client';

import { collectProcessMetrics } from '../src/process-metrics.js';

describe('collectProcessMetrics', () => {
  const collected = () => {
    const registry = new Registry();
    collectProcessMetrics(registry);
    return registry;
  };

  it('reports the resource usage of the process, and how long its event loop was busy', async () => {
    const registry = collected();
    const before = performance.eventLoopUtilization().active / 1_000;
    await delay(1);
    const text = await registry.metrics();
    const after = performance.eventLoopUtilization().active / 1_000;
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    const active = Number(/^nodejs_eventloop_active_seconds_total (.*)$/m.exec(text)?.[1]);
    expect(active).toBeGreaterThanOrEqual(before);
    expect(active).toBeLessThanOrEqual(after);
  });

  it('omits metrics that would require a timer', async () => {
    expect(await collected().metrics()).not.toMatch(/nodejs_eventloop_lag_(min|max|mean|stddev|p\d)/);
  });
});
