import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the discovery by nova tells of itself on `/metrics`. */
export function createDiscoveryMetrics(registry: Registry) {
  const registers = [registry];
  return {
    failures: new Counter({
      name: 'nephoscope_nova_failures_total',
      help: 'Listings of instances that nova did not give',
      registers,
    }),
    answered: new Gauge({
      name: 'nephoscope_nova_answered_timestamp_seconds',
      help: 'When the instances that are known were listed by nova',
      registers,
    }),
    unknown: new Gauge({
      name: 'nephoscope_nova_unknown_instances',
      help: 'Instances of the hypervisor that nova does not list on this host, and that are not metered',
      registers,
    }),
  };
}

export type DiscoveryMetrics = ReturnType<typeof createDiscoveryMetrics>;
