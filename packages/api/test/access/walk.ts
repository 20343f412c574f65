import type { FastifyInstance } from 'fastify';

import { routes as ours } from '../../src/v3/routes.js';
import type { Fixture } from '../store.js';

// A walk over all routes, with ids of the caller's own project, of another, and such as there are not. Each other id is as long as the
// one that there is not, so that replies can be compared after it was replaced.

/** What there is of the other project, and what there is not. */
export const others: readonly (readonly [string, string])[] = [
  'project',
  'user',
  'resource',
  'meter',
  'source',
  'message',
  'secret',
].map((kind) => [`${kind}-theirs`, `${kind}-absent`]);

const base = { counter_type: 'cumulative', counter_unit: 'ns' };
const hour = (at: number) => new Date(Date.UTC(2026, 9, 1, at)).toISOString();

/** Of the caller's project: a resource of its own, and what it had of one that it then sold. */
export const own: readonly Fixture[] = [0, 1, 2, 3].map((at) => ({
  ...{ ...base, counter_name: at === 3 ? 'memory' : 'cpu', counter_volume: at * 1_000 },
  ...{ user_id: 'user-own', project_id: 'project-own', resource_id: at < 2 ? 'resource-own' : 'resource-moved' },
  ...{ timestamp: hour(2 * at), resource_metadata: { display_name: 'secret-own', flavor: { name: 'small' } } },
  ...{ source: 'openstack', message_id: `message-own-${at}` },
}));

/** Of others: before, between and after; of a resource that is theirs alone, of the one that was sold, of no project. */
export const foreign: readonly Fixture[] = [-1, 1, 3, 5, 7, 9].map((at) => ({
  ...{ ...base, counter_name: at === 1 ? 'meter-theirs' : 'cpu', counter_volume: at + 1_000_000 },
  ...{ user_id: at === 9 ? 'user-own' : 'user-theirs', project_id: at === 7 ? null : 'project-theirs' },
  resource_id: at === 5 || at === -1 ? 'resource-moved' : 'resource-theirs',
  ...{ timestamp: hour(at), resource_metadata: { display_name: 'secret-theirs', flavor: { name: 'huge' } } },
  ...{
    source: at === 3 ? 'source-theirs' : 'openstack',
    message_id: at === 3 ? 'message-theirs' : `message-their-${at}`,
  },
}));

/**
 * The part of it that figures of the caller's project need: use is what a counter gained since the reading before, also where that was of
 * the one who sold the resource.
 */
export const before: readonly Fixture[] = foreign.filter(({ resource_id }) => resource_id === 'resource-moved');

/** Whether the answer is made of such figures. */
export function isOfFigures({ path }: Ask): boolean {
  return /^\/v3\/(?:usage|statistics|explain)/.test(path);
}

/** What only others have: in no reply to anybody else. */
export const theirs = ['secret-theirs', 'huge', 'message-their', 'user-theirs'];

export interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string | undefined;
  readonly accept?: string | undefined;
}

/** The declared routes, such as `GET /v2/samples/:id`, of the tree that the server prints. */
export function routesOf(server: FastifyInstance): readonly (readonly [method: string, path: string])[] {
  const above: string[] = [];
  return server
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', segment = '', methods = ''] = /^([│ ├└─]*)(\S+) \(([^)]*)\)$/.exec(line) ?? [];
      if (segment === '') return [];
      const depth = indent.length / 4;
      above.splice(depth - 1, above.length, segment);
      const path = above.join('').replaceAll('//', '/');
      return methods.split(', ').map((method) => [method, path] as const);
    });
}

/** Every request of the walk of these routes. */
export function walk(routes: ReturnType<typeof routesOf>): readonly Ask[] {
  return routes.flatMap(([method, path]): readonly Ask[] => {
    if (method === 'POST' && path === '/v2/query/samples')
      return filters.map((filter) => ({ method, path, body: JSON.stringify({ filter: JSON.stringify(filter) }) }));
    if (method !== 'GET') return [];
    const paths = path.endsWith('*') ? nested(path) : filled(path);
    return paths.flatMap((one) => asksOf(one, path));
  });
}

const of = (kind: string) => [`${kind}-own`, `${kind}-theirs`, `${kind}-absent`];
const names: Readonly<Record<string, readonly string[]>> = {
  meter: ['cpu', 'meter-theirs', 'meter-absent'],
  resources: [...of('resource'), 'resource-moved'],
  resource_id: [...of('resource'), 'resource-moved'],
  samples: ['message-own-0', 'message-theirs', 'message-absent'],
  message_id: ['message-own-0', 'message-theirs', 'message-absent'],
};

/** The path with every choice of its names. */
function filled(path: string): readonly string[] {
  const [, before = '', name = '', after = ''] = /^(.*?):(\w+)(.*)$/.exec(path) ?? [];
  if (name === '') return [path];
  const kind = name === 'id' ? (/\/(\w+)\/$/.exec(before)?.[1] ?? '') : name;
  const values = names[kind];
  if (values === undefined) throw new Error(`the walk does not know what ':${name}' of ${path} is`);
  return values.flatMap((value) => filled(before + value + after));
}

/** The paths of 2012, below `/v1/` and `/v2/`. */
function nested(path: string): readonly string[] {
  const version = path.replace(/\/?\*$/, '');
  if (version !== '/v1' && version !== '/v2') return [`${version}/resource-theirs`];
  const ids = {
    resources: names['resources'] ?? [],
    projects: of('project'),
    users: of('user'),
    sources: ['openstack', 'source-theirs', 'source-absent'],
  };
  const below = [
    ...['meters', 'resources', 'projects', 'users', 'meters/meter-theirs', 'meters/meter-absent'],
    ...['', '/duration', '/volume/max', '/volume/sum'].map((figure) => `meters/cpu${figure}`),
  ];
  const parents = Object.entries(ids).flatMap(([kind, some]) => some.map((id) => `${kind}/${id}`));
  const both = of('project').flatMap((project) =>
    of('resource').map((id) => `sources/openstack/projects/${project}/resources/${id}`),
  );
  return [
    ...['meters', 'resources', 'projects', 'users', 'sources', ...parents],
    ...[...parents, ...(version === '/v2' ? both : [])].flatMap((parent) =>
      below.map((one) => `${parent}/${one}`),
    ),
  ].map((rest) => `${version}/${rest}`);
}

const fields = [
  ['project_id', [...of('project'), 'None']],
  ['user_id', [...of('user'), 'None']],
  ['resource_id', [...of('resource'), 'resource-moved']],
  ['meter', ['cpu', 'meter-theirs', 'meter-absent']],
  ['source', ['openstack', 'source-theirs', 'source-absent']],
  ['message_id', ['message-own-0', 'message-theirs', 'message-absent']],
  ['metadata.display_name', of('secret')],
] as const;

function asksOf(path: string, route: string): readonly Ask[] {
  if (route.startsWith('/v3/')) return oursOf(path, route);
  const queries = fields.flatMap(([field, values]) => values.map((value) => `?q.field=${field}&q.value=${value}`));
  const statistics = [
    '?groupby=project_id&groupby=resource_id',
    '?period=7200',
    '?period=7200&groupby=user_id',
    '?aggregate.func=cardinality&aggregate.param=resource_id',
  ];
  const more = route.endsWith('/statistics')
    ? [
        ...statistics,
        ...statistics.flatMap((one) => [
          `${one}&q.field=project_id&q.value=project-theirs`,
          `${one}&q.field=project_id&q.value=project-absent`,
        ]),
      ]
    : ['?limit=1', '?unique=True', '?start_timestamp=2026-10-01T00:00:00'];
  const paths = route.endsWith('*')
    ? [path, `${path}?start_timestamp=2026-10-01T03:00:00&search_offset=60`]
    : [path, ...[...queries, ...more].map((query) => path + query)];
  // XML is the same in another form: once for each path.
  const inXml =
    route.startsWith('/v2') && !route.endsWith('*')
      ? [{ method: 'GET', path, accept: 'application/xml' } as const]
      : [];
  return [...paths.map((one) => ({ method: 'GET', path: one }) as const), ...inXml];
}

function oursOf(path: string, route: string): readonly Ask[] {
  const query = ours.find((one) => one.path.replaceAll(/\{(\w+)\}/g, ':$1') === route)?.query.shape ?? {};
  const has = (name: string) => Object.hasOwn(query, name);
  const always = [
    ...(has('range') || has('start') ? ['start=2026-09-01&end=2026-11-01'] : []),
    ...(has('function') ? ['function=use'] : []),
  ];
  const selections = [
    ...(has('project') ? [...of('project'), ''].map((value) => `project=${value}`) : []),
    ...(has('user') ? of('user').map((value) => `user=${value}`) : []),
    ...(has('resource') ? [...of('resource'), 'resource-moved'].map((value) => `resource=${value}`) : []),
    ...(has('source') ? ['openstack', 'source-theirs', 'source-absent'].map((value) => `source=${value}`) : []),
    ...(has('where') ? of('secret').map((value) => `where=${encodeURIComponent(`display_name=${value}`)}`) : []),
    ...(has('group_by')
      ? ['project', 'user', 'resource', 'source', 'metadata.display_name'].map((key) => `group_by=${key}`)
      : []),
    ...(has('period') ? ['period=day', 'period=PT1H&group_by=project'] : []),
    ...(has('limit') ? ['limit=1'] : []),
    '',
  ];
  const meters = has('meter') ? ['meter=cpu', 'meter=meter-theirs', 'meter=meter-absent'] : [''];
  const formatsOf = (selection: string) =>
    ['', 'limit=1', 'resource=resource-theirs'].includes(selection)
      ? [undefined, 'text/csv', 'application/x-ndjson']
      : [undefined];
  return meters.flatMap((meter) =>
    selections.flatMap((selection) => {
      const text = [...always, meter, selection].filter((part) => part !== '').join('&');
      return formatsOf(selection).map((accept) => ({
        method: 'GET' as const,
        path: text === '' ? path : `${path}?${text}`,
        accept,
      }));
    }),
  );
}

const filters: readonly object[] = [
  ...fields.flatMap(([field, values]) =>
    values.flatMap((value) =>
      ['=', '!='].map((operator) => ({
        [operator]: { [field.replace(/^meter$/, 'counter_name')]: value },
      })),
    ),
  ),
  ...['theirs', 'absent'].flatMap((whose) => [
    { not: { '=': { project_id: `project-${whose}` } } },
    { or: [{ '=': { counter_name: 'cpu' } }, { '=': { project: `project-${whose}` } }] },
    { in: { resource_id: ['resource-own', `resource-${whose}`] } },
    {
      or: [{ '=': { resource_id: `resource-${whose}` } }, { '=': { 'metadata.display_name': `secret-${whose}` } }],
    },
  ]),
];
