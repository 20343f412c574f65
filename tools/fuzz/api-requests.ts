import { once } from 'node:events';
import { connect } from 'node:net';

import fc from 'fast-check';

import { sampleOf } from '../api-cases/case.js';
import { sqliteDatabases } from '../api-cases/databases.js';
import type { Databases } from '../api-cases/databases.js';
import { identityHeader, serve } from '../api-cases/served.js';
import type { Served } from '../api-cases/served.js';
import { mutated } from './target.js';
import type { Target } from './target.js';

// An input is a request: the request line, its headers, an empty line and its body, all with '\n'. The headers that HTTP needs are added.

const paths = fc.constantFrom(
  ...['/', '/v2', '/v2/capabilities', '/v2/meters', '/v2/meters/cpu', '/v2/meters/cpu/statistics', '/v2/samples'],
  ...['/v2/samples/m1', '/v2/resources', '/v2/resources/a%252Fb', '/v2/alarms', '/v2/events', '/v2/query/samples'],
  ...['/v2/projects/p1/meters/cpu/volume/sum', '/v2/users/u1/resources/r1/meters/cpu/duration', '/v2/sources'],
  ...['/v1/meters', '/v1/resources', '/v1/resources/r1/meters/cpu', '/v1/projects/p1/meters/cpu/volume/max'],
  ...['/v1/resources/r1/meters/cpu/duration', '/v1/sources/openstack', '/v1/users', '/v3/nothing', '/metrics'],
);
const names = fc.constantFrom(
  ...[
    'q.field',
    'q.op',
    'q.value',
    'q.type',
    'q[0].field',
    'q[0].value',
    'limit',
    'period',
    'groupby',
    'cursor',
    'skip',
  ],
  ...['aggregate.func', 'aggregate.param', 'after', 'unique', 'meter_links', 'direct', 'search_offset'],
  ...['start_timestamp', 'end_timestamp', 'colour', '__proto__'],
);
const values = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      'timestamp',
      'search_offset',
      'metadata.a',
      'metadata.',
      'user_id',
      'project',
      'resource',
      'source',
      'meter',
    ],
    ...[
      'message_id',
      'eq',
      'ne',
      'lt',
      'ge',
      'integer',
      'float',
      'string',
      'boolean',
      'datetime',
      'cardinality',
      'stddev',
    ],
    ...[
      '0',
      '-1',
      '1',
      '3600',
      '1e99',
      'NaN',
      '9'.repeat(40),
      'None',
      'True',
      'constructor',
      '%00',
      '%ff',
      '%F0%9F%98%80',
    ],
    ...[
      '2012-07-02',
      '2012-07-02T10:40:00%2B02:00',
      '2012-02-30',
      '0001-01-01',
      '9999-12-31T23:59:59',
      '1678-01-01',
    ],
    ...["'", '"', '\\', '%27%3B--', 'resource_metadata.instance_type', 'cpu', 'r1', 'p1'],
  ),
  fc.string({ maxLength: 12 }).map((text) => encodeURIComponent(text.toWellFormed())),
);
const queries = fc
  .array(fc.tuple(names, values), { maxLength: 8 })
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=')).join('&')}`));

const filters = fc.letrec<{ filter: unknown }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 5 },
    fc
      .tuple(
        fc.constantFrom('=', '!=', '<', '>', '<=', '=>', '=~', 'in', 'IN', 'constructor'),
        fc.constantFrom(
          'meter',
          'user',
          'volume',
          'timestamp',
          'metadata.a.b',
          'recorded_at',
          'resource_metadata',
          '__proto__',
        ),
        fc.oneof(
          fc.constantFrom<unknown>('cpu', '(a+)+$', '(', 1, 1e300, true, null, ['cpu', 1], '2012-07-02'),
          fc.jsonValue({ maxDepth: 1 }),
        ),
      )
      .map(([operator, field, value]) => ({ [operator]: { [field]: value } })),
    fc
      .tuple(fc.constantFrom('and', 'or', 'Or'), fc.array(tie('filter'), { maxLength: 3 }))
      .map(([operator, some]) => ({ [operator]: some })),
    tie('filter').map((one) => ({ not: one })),
  ),
})).filter;
const samples = fc.array(
  fc.record(
    {
      counter_name: fc.constantFrom('cpu', 'disk', ''),
      counter_type: fc.constantFrom('gauge', 'delta', 'cumulative', 'rate'),
      counter_unit: fc.constantFrom('B', ''),
      counter_volume: fc.oneof(fc.double(), fc.constantFrom('1.5', 'x', null)),
      resource_id: fc.string({ maxLength: 5 }),
      project_id: fc.constantFrom('p1', null),
      timestamp: fc.constantFrom('2012-07-02T10:40:00', 'noon', '0001-01-01', null),
      resource_metadata: fc.oneof(
        fc.dictionary(fc.constantFrom('a', 'a.b', 'a.b.c', '', '.', '__proto__'), fc.string({ maxLength: 3 })),
        fc.constant(5),
      ),
    },
    { requiredKeys: ['counter_name', 'counter_type', 'counter_volume'] },
  ),
  { maxLength: 3 },
);
const xml = fc.constantFrom(
  '<q><filter>{"=": {"meter": "cpu"}}</filter><limit>2</limit></q>',
  '<a><item><counter_name>cpu</counter_name><counter_type>gauge</counter_type><counter_unit>B</counter_unit><counter_volume>1</counter_volume><resource_id>r</resource_id></item></a>',
  '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
);
const bodies = fc.oneof(
  fc.constant(''),
  filters.map((filter) =>
    JSON.stringify({ filter: JSON.stringify(filter), orderby: '[{"meter": "asc"}]', limit: 3 }),
  ),
  samples.map((some) => JSON.stringify(some)),
  xml,
);
const requests = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'),
    path: paths,
    query: queries,
    accept: fc.constantFrom('*/*', 'application/xml', 'text/xml;q=0.5', 'text/html', ',;q=,'),
    type: fc.constantFrom('application/json', 'application/xml', 'text/plain'),
    caller: fc.constantFrom('["admin"]', '["member"]', '["reader"]', '["other"]'),
    body: bodies,
  })
  .map(
    ({ method, path, query, accept, type, caller, body }) =>
      `${method} ${path}${query} HTTP/1.1\nAccept: ${accept}\nContent-Type: ${type}\n` +
      `${identityHeader}: {"roles": ${caller}, "project_id": "p1", "user_id": "u1"}\n\n${body}`,
  );

let started: Promise<{ readonly databases: Databases; readonly served: Served }> | undefined;

async function start() {
  const databases = await sqliteDatabases();
  const fixtures = [1, 2, 3].map((volume) =>
    sampleOf({
      ...{
        counter_name: 'cpu',
        counter_type: 'cumulative',
        counter_unit: 'ns',
        counter_volume: volume,
        source: 'openstack',
      },
      ...{ user_id: 'u1', project_id: 'p1', resource_id: volume === 3 ? 'a/b' : 'r1', message_id: `m${volume}` },
      ...{ timestamp: `2012-07-02T10:4${volume}:00`, resource_metadata: { a: { b: volume }, instance_type: 'x' } },
    }),
  );
  return { databases, served: await serve(await databases.make(fixtures)) };
}

/** What no reply may have: parts of statements, of paths of the machine, and of stacks. */
const inside =
  /\bselect \w|\binsert into\b|sqlite|postgres|node_modules|\/packages\/|\/tmp\/|\n\s+at \S+ \(|\.[tj]s:\d+/i;

/** Requests to the HTTP API: none is answered with 500, and no reply shows what is inside. */
export const apiRequests: Target = {
  name: 'api-requests',
  runs: 1_000,
  inputs: mutated(requests),
  async check(input) {
    const { served } = await (started ??= start());
    const before = served.failures().length;
    const reply = await replyTo(served.base, input);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(reply)?.[1] ?? 0);
    if (status < 200 || status >= 500) throw new Error(`the reply is ${JSON.stringify(reply.slice(0, 500))}`);
    const found = inside.exec(reply)?.[0];
    if (found !== undefined && !input.includes(found))
      throw new Error(`the reply has '${found}': ${reply.slice(0, 1_000)}`);
    const failure = served.failures()[before];
    if (failure !== undefined) throw new Error(failure);
  },
  async stop() {
    const running = await started;
    started = undefined;
    await running?.served.stop();
    await running?.databases.remove();
  },
};

/** All that comes back on a connection of its own. */
async function replyTo(base: string, input: string): Promise<string> {
  const [, head = '', body = ''] = /^(.*?)(?:\n\n(.*))?$/s.exec(input) ?? [];
  const bytes = Buffer.from(body);
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  // A server that has answered may close before all was sent.
  socket.on('error', () => undefined);
  // One that gets no reply at all has failed.
  socket.setTimeout(10_000, () => socket.destroy());
  socket.write(
    Buffer.concat([
      Buffer.from(
        `${head}\nHost: localhost\nConnection: close\nContent-Length: ${bytes.length}\n\n`.replaceAll(
          /\r?\n/g,
          '\r\n',
        ),
      ),
      bytes,
    ]),
  );
  await once(socket, 'close');
  return Buffer.concat(parts).toString();
}
