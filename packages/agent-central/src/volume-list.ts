import type { CloudList } from '@nephoscope/core/pollster';

import { pageSize } from './listed-counters.js';

/**
 * All resources of a kind in cinder, of all projects.
 *
 * @param kind such as `volumes`
 * @param microversion the oldest with all required fields; by default the one that every cinder supports
 */
export const volumeList = (kind: string, microversion?: string): CloudList => ({
  service: { type: 'volumev3' },
  path: `/v3/${kind}/detail`,
  key: kind,
  query: { all_tenants: '1', ...pageSize },
  ...(microversion !== undefined && { headers: { 'openstack-api-version': `volume ${microversion}` } }),
});
