import { defineResource } from '../define-resource.js';

export default defineResource({
  name: 'port',
  meter: 'port',
  unit: 'port',
  description: 'port',
  metadata: [
    'status',
    'name',
    'admin_state_up',
    'network_id',
    'device_owner',
    'mac_address',
    'fixed_ips',
    'device_id',
  ],
});
