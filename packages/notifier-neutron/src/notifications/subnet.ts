import { defineResource } from '../define-resource.js';

export default defineResource({
  name: 'subnet',
  meter: 'subnet',
  unit: 'subnet',
  description: 'subnet',
  metadata: [
    'name',
    'enable_dhcp',
    'network_id',
    'dns_nameservers',
    'allocation_pools',
    'host_routes',
    'ip_version',
    'gateway_ip',
    'cidr',
  ],
});
