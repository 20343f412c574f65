import { Registry } from 'prom-client';

import { createPluginMetrics } from '../src/plugin-metrics.js';

it('are the same for several programs in one process, distinguished by the namespace', async () => {
  const registry = new Registry();
  const [poll, collect] = [
    createPluginMetrics(registry, 'poll.compute'),
    createPluginMetrics(registry, 'collector'),
  ];
  poll.sampled('cpu', 3);
  collect.sampled('cpu', 1);
  const { values } = await registry.getSingleMetric('nephoscope_plugin_samples_total')!.get();
  expect(values.map(({ labels, value }) => [labels['namespace'], value])).toEqual([
    ['poll.compute', 3],
    ['collector', 1],
  ]);
});
