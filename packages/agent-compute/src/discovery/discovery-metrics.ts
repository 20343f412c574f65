import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Metrics of the discovery by nova on `/metrics`. */
export function createDiscoveryMetrics(registry: Registry) {
  const registers = [registry];
  return {
    failures: new Counter({
      name: 'nephoscope_nova_failures_total',
      help: 'Failed listings of instances from nova',
      registers,
    }),
    answered: new Gauge({
      name: 'nephoscope_nova_answered_timestamp_seconds',
      help: "Time of nova's last successful listing of instances",
      registers,
    }),
    unknown: new Gauge({
      name: 'nephoscope_nova_unknown_instances',
      help: 'Instances on the hypervisor that nova does not list on this host, which are not metered',
      registers,
    }),
  };
}

export type DiscoveryMetrics = ReturnType<typeof createDiscoveryMetrics>;
