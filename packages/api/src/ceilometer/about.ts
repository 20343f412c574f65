/** `/`. */
export function versions(origin: string): object {
  const self = { href: `${origin}/v2`, rel: 'self' };
  const describedBy = { href: 'https://docs.openstack.org/', rel: 'describedby', type: 'text/html' };
  const type = 'application/vnd.openstack.telemetry-v2';
  return {
    versions: {
      values: [
        {
          id: 'v2',
          status: 'stable',
          updated: '2013-02-13T00:00:00Z',
          links: [self, describedBy],
          'media-types': [
            { base: 'application/json', type: `${type}+json` },
            { base: 'application/xml', type: `${type}+xml` },
          ],
        },
        {
          id: 'v3',
          status: 'experimental',
          updated: '2026-11-28T00:00:00Z',
          links: [
            { href: `${origin}/v3`, rel: 'self' },
            { href: `${origin}/v3/openapi.json`, rel: 'describedby', type: 'application/json' },
          ],
          'media-types': ['application/json', 'text/csv', 'application/x-ndjson'].map((base) => ({
            base,
            type: base,
          })),
        },
      ],
    },
  };
}

/** `/v2/capabilities`. */
export const capabilities = {
  api: {
    'meters:query:simple': true,
    'meters:query:metadata': true,
    'resources:query:simple': true,
    'resources:query:metadata': true,
    'samples:query:simple': true,
    'samples:query:metadata': true,
    'samples:query:complex': true,
    'statistics:groupby': true,
    'statistics:query:simple': true,
    'statistics:query:metadata': true,
    'statistics:aggregation:standard': true,
    'statistics:aggregation:selectable:max': true,
    'statistics:aggregation:selectable:min': true,
    'statistics:aggregation:selectable:sum': true,
    'statistics:aggregation:selectable:avg': true,
    'statistics:aggregation:selectable:count': true,
    'statistics:aggregation:selectable:stddev': true,
    'statistics:aggregation:selectable:cardinality': true,
  },
  storage: { 'storage:production_ready': true },
} as const;
