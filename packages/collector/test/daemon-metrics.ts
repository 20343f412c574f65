import type { Daemon } from '../../agent-compute/test/daemon.js';

/** The sum of a metric of a running collector: `samples_recorded_total` and the like, or one of its process. */
export async function metricOf(collector: Daemon, name: string): Promise<number> {
  const { text } = await collector.status('/metrics');
  const full = name.startsWith('process_') ? name : `nephoscope_collector_${name}`;
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${full} `) || line.startsWith(`${full}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
