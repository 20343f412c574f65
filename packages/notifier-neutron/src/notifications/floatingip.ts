import { defineResource } from '../define-resource.js';

export default defineResource({
  name: 'floatingip',
  meter: 'ip.floating',
  unit: 'ip',
  description: 'floating IP address',
  metadata: ['router_id', 'floating_network_id', 'fixed_ip_address', 'floating_ip_address', 'port_id'],
});
