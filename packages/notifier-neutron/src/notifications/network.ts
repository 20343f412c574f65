import { defineResource } from '../define-resource.js';

export default defineResource({
  name: 'network',
  meter: 'network',
  unit: 'network',
  description: 'network',
  metadata: ['status', 'subnets', 'name', 'router:external', 'admin_state_up', 'shared'],
});
