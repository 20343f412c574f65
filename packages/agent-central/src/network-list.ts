import type { CloudList } from '@nephoscope/core/pollster';

import type { Item } from './item.js';
import { pageSize } from './listed-counters.js';

/** All resources of a kind in neutron, of all projects. @param kind such as `floatingips` */
export const networkList = (kind: string): CloudList => ({
  service: { type: 'network' },
  path: `/v2.0/${kind}`,
  key: kind,
  query: pageSize,
});

/** The owner; null without one, as for neutron's own ports. */
export const projectOf = (item: Item): string | null =>
  item.optionalText('project_id') ?? item.optionalText('tenant_id');
