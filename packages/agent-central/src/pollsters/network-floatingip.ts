import { defineCentralPollster } from '@nephoscope/core/pollster';

import { listedCounters } from '../listed-counters.js';
import { networkList, projectOf } from '../network-list.js';

const meter = { name: 'ip.floating', type: 'gauge', unit: 'ip', description: 'The floating IP exists' } as const;

const described = [
  'status',
  'floating_ip_address',
  'floating_network_id',
  'router_id',
  'port_id',
  'fixed_ip_address',
] as const;

/** Floating IPs, attached or not. */
export default defineCentralPollster({
  meters: [meter],
  create: () => ({
    getCounters: (cloud) =>
      listedCounters(cloud.list(networkList('floatingips')), meter, (item) => ({
        projectId: projectOf(item),
        metadata: item.pick(described),
      })),
  }),
});
