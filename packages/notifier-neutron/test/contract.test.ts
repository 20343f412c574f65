import { notificationHandlerContract } from '@nephoscope/testing';

import { capture } from './captures.js';
import { plugins } from './count.js';

for (const [name, plugin] of Object.entries(plugins)) {
  const meter = name === 'floatingip' ? 'ip.floating' : name;
  notificationHandlerContract(name, plugin, {
    notifications: ['create', 'update', 'delete'].map((change) => ({
      given: capture(`neutron.${name}.${change}.end`),
      expect: [{ name: meter }, { name: `${meter}.${change}` }],
    })),
  });
}
