import { defineResource } from '../define-resource.js';

export default defineResource({
  name: 'router',
  meter: 'router',
  unit: 'router',
  description: 'router',
  metadata: ['status', 'external_gateway_info', 'admin_state_up', 'name'],
});
