import { randomBytes } from 'node:crypto';
import { copyFileSync, renameSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { NephoscopeError } from '@nephoscope/core';
import type { Sample, SampleReader } from '@nephoscope/core/sample-store';
import { RecordingLogger } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { loopbackCaller } from '../src/access/caller.js';
import { apiOptions } from '../src/options.js';
import { createApi } from '../src/program.js';
import { createServer, listen } from '../src/server.js';
import { Stores, sampleOf } from './store.js';
import type { Fixture } from './store.js';

const stores = new Stores();
const servers: FastifyInstance[] = [];
const readers: SampleReader[] = [];

beforeAll(() => stores.prepare());
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await Promise.all(readers.splice(0).map((reader) => reader.stop()));
});
afterAll(() => stores.remove());

async function serve(
  reader: SampleReader,
  options: object = {},
): Promise<{ url: string; logger: RecordingLogger }> {
  const logger = new RecordingLogger();
  const server = createServer({
    options: apiOptions.parse(options),
    reader,
    logger,
    authenticate: () => loopbackCaller,
  });
  servers.push(server);
  readers.push(reader);
  return { url: await listen(server, { address: '127.0.0.1', port: 0 }), logger };
}

function fixtures(count: number): Fixture[] {
  return Array.from({ length: count }, (_, at) => ({
    ...{ counter_name: `meter-${at % 3}`, counter_type: 'cumulative', counter_unit: 'ns', counter_volume: at },
    ...{
      user_id: `user-${at % 2}`,
      project_id: at % 5 === 0 ? null : `project-${at % 4}`,
      resource_id: `r${at % 7}`,
    },
    timestamp: new Date(Date.UTC(2026, 9, 1) + Math.floor(at / 2) * 60_000).toISOString(),
    resource_metadata: { flavor: { name: `f${at % 3}` }, at },
    ...{ source: 'openstack', message_id: `m-${at}` },
  }));
}

/** A reader that streams the samples of the test. */
function readerOf(samples: (signal: AbortSignal) => AsyncIterable<Sample>): SampleReader {
  const nothing = () => Promise.resolve();
  return {
    ...{ start: nothing, stop: nothing, health: () => ({ ok: true }) },
    samples: (_query: unknown, signal: AbortSignal) => samples(signal),
    samplePage: () => Promise.reject(new Error('a defect, at /secret/path')),
  } as unknown as SampleReader;
}

const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>[];
const ids = (items: readonly Record<string, unknown>[]) =>
  items.map(({ id, resource_id, name }) => id ?? `${String(resource_id)} ${String(name ?? '')}`);

it.each(['/v2/samples', '/v2/meters', '/v2/resources'])(
  '%s: pages linked by Link contain everything',
  async (path) => {
    const { url } = await serve(await stores.reader(fixtures(60)));
    const whole = await json(`${url}${path}?limit=1000`);
    const found: Record<string, unknown>[] = [];
    let next: string | undefined = `${url}${path}?limit=4`;
    let pages = 0;
    while (next !== undefined) {
      const response = await fetch(next);
      expect(response.status).toBe(200);
      found.push(...((await response.json()) as typeof found));
      next = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
      pages += 1;
    }
    expect(ids(found)).toEqual(ids(whole));
    expect(pages).toBe(Math.ceil(whole.length / 4));
  },
);

it('a reply truncated by the default limit has a Link to the rest', async () => {
  const { url } = await serve(await stores.reader(fixtures(30)), { defaultLimit: 20 });
  const response = await fetch(`${url}/v2/samples`);
  expect((await response.json()) as unknown[]).toHaveLength(20);
  expect(response.headers.get('link')).toContain('rel="next"');
});

it('truncated unique meters are marked as such', async () => {
  const { url } = await serve(await stores.reader(fixtures(9)));
  const asked = async (limit: number) => {
    const response = await fetch(`${url}/v2/meters?unique=True&limit=${limit}`);
    const items = (await response.json()) as { name: string }[];
    return [items.map(({ name }) => name), response.headers.get('x-nephoscope-more')];
  };
  expect(await asked(2)).toEqual([['meter-0', 'meter-1'], 'true']);
  expect(await asked(3)).toEqual([['meter-0', 'meter-1', 'meter-2'], null]);
});

it('volumes have all their digits, and statistics state what they are computed from', async () => {
  const large = '{"counter_volume":9007199254740993';
  const [one] = fixtures(1) as [Fixture];
  const sample = { ...sampleOf(one), volume: '9007199254740993' };
  const { url } = await serve(
    readerOf(async function* () {
      yield await Promise.resolve(sample);
    }),
  );
  const nested = await fetch(`${url}/v2/resources/r0/meters/meter-0`);
  expect(await nested.text()).toContain(large);
  const statistics = await fetch(`${url}/v2/meters/meter-0/statistics`);
  expect(statistics.headers.get('x-nephoscope-maths')).toContain('mean nothing');
  expect(await statistics.json()).toMatchObject([{ sum: 9007199254740992, count: 1 }]);
});

it('times with an offset are the instants that they name', async () => {
  const { url } = await serve(await stores.reader(fixtures(20)));
  const after = (time: string) =>
    `${url}/v2/samples?q.field=timestamp&q.op=ge&q.value=${encodeURIComponent(time)}`;
  expect(await json(after('2026-10-01T02:05:00+02:00'))).toHaveLength(10);
  expect(await json(after('2026-10-01T00:05'))).toHaveLength(10);
  expect(await json(after('2026-10-02'))).toHaveLength(0);
});

it.each(['constructor', 'maybe'])('%s is not accepted as a boolean', async (value) => {
  const { url } = await serve(await stores.reader(fixtures(1)));
  const response = await fetch(`${url}/v2/samples?q.field=metadata.a&q.type=boolean&q.value=${value}`);
  expect([response.status, await response.text()]).toEqual([
    400,
    expect.stringContaining('to the expected data type boolean'),
  ]);
});

it("invalid input is reported as the client's error, and reveals nothing about the database", async () => {
  const { url, logger } = await serve(await stores.reader(fixtures(20)));
  const paths = [
    '/v2/samples',
    '/v2/meters',
    '/v2/resources',
    '/v2/meters/m',
    '/v2/meters/m/statistics',
    '/v1/resources',
  ];
  const names = [
    'q.field',
    'q.op',
    'q.value',
    'q.type',
    'q[0].field',
    'limit',
    'period',
    'groupby',
    'aggregate.func',
    'cursor',
    'after',
    'unique',
    'meter_links',
    'start_timestamp',
    'search_offset',
  ];
  const values = [
    '',
    "'",
    '%00',
    'timestamp',
    'metadata.a',
    'eq',
    'lt',
    '-1',
    '1e99',
    '9'.repeat(40),
    '2026-02-30',
    '0001-01-01',
    '9999-12-31T23:59:59',
    'None',
    'cardinality',
    '\ud83d',
    '☃',
    '__proto__',
    'search_offset',
    'user_id',
    'constructor',
  ];
  const pick = <T>(items: readonly T[]) => items[randomBytes(1).readUInt8() % items.length] as T;
  for (let round = 0; round < 600; round += 1) {
    const query = Array.from(
      { length: 1 + (round % 6) },
      () => `${pick(names)}=${encodeURIComponent(pick(values).toWellFormed())}`,
    );
    const target = `${url}${pick(paths)}?${query.join('&')}`;
    const response = await fetch(target);
    const text = await response.text();
    expect([target, response.status < 500]).toEqual([target, true]);
    expect(text).not.toMatch(/select |sqlite|\/tmp|at .*\.ts/i);
  }
  for (const path of [
    '/v2/meters/%ZZ',
    '/v1/%',
    '/v2//meters',
    '/v9/meters',
    '/v1/meters/x',
    '/v2/samples?%ff%fe=1',
  ])
    expect((await fetch(url + path)).status).toBeLessThan(500);
  expect(logger.entries.filter(({ level }) => level === 'error')).toEqual([]);
}, 60_000);

async function query(url: string, body: unknown): Promise<Response> {
  return await fetch(`${url}/v2/query/samples`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

it('a complex query filters, orders and reports whether there are more samples', async () => {
  const { url } = await serve(await stores.reader(fixtures(40)));
  const found = async (filter: unknown, orderby?: unknown, limit = 1_000) => {
    const body = {
      filter: JSON.stringify(filter),
      ...(orderby === undefined ? {} : { orderby: JSON.stringify(orderby) }),
      limit,
    };
    const response = await query(url, body);
    const items = (await response.json()) as { id: string }[];
    return [items.map(({ id }) => Number(id.slice(2))), response.headers.get('x-nephoscope-more')];
  };
  const all = Array.from({ length: 40 }, (_, at) => at);
  const is = (test: (at: number) => boolean) => [all.filter(test).toReversed(), null];
  expect(await found({ '=': { resource: 'r3' } })).toEqual(is((at) => at % 7 === 3));
  expect(await found({ AND: [{ '>=': { volume: 5 } }, { '<': { counter_volume: 9 } }] })).toEqual(
    is((at) => at >= 5 && at < 9),
  );
  expect(await found({ in: { user: ['user-1', 'user-9'] } })).toEqual(is((at) => at % 2 === 1));
  expect(
    await found({ or: [{ '=': { 'metadata.flavor.name': 'f2' } }, { '>': { 'resource_metadata.at': 37 } }] }),
  ).toEqual(is((at) => at % 3 === 2 || at > 37));
  // A comparison with an unknown value is not true, and neither is its opposite.
  expect(await found({ not: { '=': { project_id: 'project-1' } } })).toEqual(
    is((at) => at % 5 !== 0 && at % 4 !== 1),
  );
  expect(await found({ not: { '=': { 'metadata.none': 1 } } })).toEqual([[], null]);
  expect(await found({ '=~': { user: '-1$' } })).toEqual(is((at) => at % 2 === 1));
  expect(await found({ '=~': { 'metadata.flavor.name': '^(f+)+[12]$' } })).toEqual(is((at) => at % 3 !== 0));
  expect(await found({ '<=': { timestamp: '2026-10-01T00:02:00+00:00' } })).toEqual(is((at) => at < 6));
  expect(await found({ '>': { volume: -1 } }, [{ resource_id: 'ASC' }, { volume: 'desc' }], 4)).toEqual([
    [35, 28, 21, 14],
    'true',
  ]);
  expect(await found({ '>': { volume: -1 } }, undefined, 2)).toEqual([[39, 38], 'true']);
});

it.each([
  '{',
  '[]',
  '{"x":1}',
  '{"limit":-1}',
  '{"limit":1.5}',
  '{"filter":1}',
  '{"filter":"{"}',
  '{"filter":"[]"}',
  '{"filter":"{\\"and\\":[]}"}',
  '{"filter":"{\\"=\\":{}}"}',
  '{"filter":"{\\"=\\":{\\"x\\":1}}"}',
  '{"filter":"{\\"=~\\":{\\"user\\":\\"(a\\"}}"}',
  '{"filter":"{\\"=~\\":{\\"user\\":\\"(?=a)\\"}}"}',
  '{"filter":"{\\"=~\\":{\\"user\\":5}}"}',
  '{"filter":"{\\"constructor\\":{\\"user\\":1}}"}',
  '{"filter":"{\\"=\\":{\\"timestamp\\":5}}"}',
  '{"orderby":"[{}]"}',
  '{"orderby":"[{\\"user\\":\\"up\\"}]"}',
  '{"orderby":"[{\\"user\\":\\"constructor\\"}]"}',
  '{"orderby":"[{\\"metadata.x\\":\\"asc\\"}]"}',
  `{"filter":${JSON.stringify('{"not":'.repeat(5_000))}}`,
])('an invalid complex query is refused (%#)', async (body) => {
  const { url, logger } = await serve(await stores.reader([]));
  const response = await query(url, body);
  expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('error_message')]);
  expect(logger.entries.filter(({ level }) => level === 'error')).toEqual([]);
});

it('other methods, other media types and other host names are refused', async () => {
  const { url } = await serve(await stores.reader([]), { names: ['metering.example.org'] });
  const status = async (init: RequestInit, path = '/v2/meters') => (await fetch(url + path, init)).status;
  expect(await status({ method: 'HEAD' })).toBe(405);
  expect(await status({ method: 'DELETE' })).toBe(405);
  const put = await fetch(`${url}/v2/query/samples`, { method: 'PUT' });
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'POST']);
  const form = await fetch(`${url}/v2/query/samples`, { method: 'POST', body: new URLSearchParams('limit=1') });
  expect([form.status, await form.text()]).toEqual([
    415,
    expect.stringContaining('send the body as application/json'),
  ]);
  expect(await status({ headers: { accept: 'text/html' } })).toBe(406);
  expect(await status({ headers: { accept: 'text/html, */*;q=0.1' } })).toBe(200);
  const asked = (host: string) =>
    new Promise((resolve, reject) => {
      httpRequest(`${url}/v2/meters`, { headers: { host } }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
  expect([await asked('evil.example.org'), await asked('metering.example.org:80')]).toEqual([421, 200]);
});

it('while the database is unavailable it answers 503, and continues when it is back', async () => {
  const reader = await stores.reader(fixtures(3));
  const { url } = await serve(reader);
  const path = join(stores.folder, `${stores.count}.db`);
  renameSync(path, `${path}.away`);
  for (const place of ['/v2/samples', '/v2/meters/meter-0/statistics', '/v1/meters', '/v2/resources/r0']) {
    const response = await fetch(url + place);
    expect([place, response.status, response.headers.get('retry-after')]).toEqual([place, 503, '5']);
    expect(await response.text()).not.toContain(path);
  }
  renameSync(`${path}.away`, path);
  expect(await json(`${url}/v2/samples`)).toHaveLength(3);
});

it('a client that disconnects ends its query', async () => {
  let aborted = (_: unknown) => undefined as void;
  const ended = new Promise((resolve) => (aborted = resolve));
  const { url, logger } = await serve(
    readerOf(async function* (signal) {
      signal.addEventListener('abort', () => aborted('ended'));
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      yield sampleOf(fixtures(1)[0] as Fixture);
    }),
  );
  const gone = new AbortController();
  const asked = fetch(`${url}/v2/meters/m/statistics`, { signal: gone.signal });
  setTimeout(() => gone.abort(), 200);
  await expect(asked).rejects.toThrow();
  expect(await ended).toBe('ended');
  while (logger.entries.length === 0) await sleep(20);
  expect(logger.entries.map(({ level }) => level)).toEqual(['debug']);
});

it.each(['/v2/samples', '/v2/meters', '/v2/resources'])(
  '%s: a limit above what is read at once leads to the rest, too',
  async (path) => {
    const many = fixtures(2_600).map((one, at) => ({ ...one, resource_id: `r${String(at).padStart(4, '0')}` }));
    const { url } = await serve(await stores.reader(many));
    const found: Record<string, unknown>[] = [];
    const sizes: number[] = [];
    let next: string | undefined = `${url}${path}?limit=1200`;
    while (next !== undefined) {
      const response = await fetch(next);
      const page = (await response.json()) as typeof found;
      sizes.push(page.length);
      found.push(...page);
      next = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
    }
    expect(sizes).toEqual([1_200, 1_200, 200]);
    expect(new Set(ids(found)).size).toBe(2_600);
  },
);

it('a reply that fails halfway is cut off, and a defect reveals nothing', async () => {
  const sample = sampleOf(fixtures(1)[0] as Fixture);
  const { url, logger } = await serve(
    readerOf(async function* () {
      for (let at = 0; at < 1_000; at += 1) yield await Promise.resolve(sample);
      throw new NephoscopeError('STORE_UNAVAILABLE', 'gone');
    }),
  );
  const response = await fetch(`${url}/v1/resources/r0/meters/m`);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
  const defect = await fetch(`${url}/v2/samples`);
  expect(defect.status).toBe(500);
  expect(await defect.text()).not.toContain('secret');
  expect(logger.entries.some(({ level }) => level === 'error')).toBe(true);
});

it('a client that reads nothing is sent nothing more', async () => {
  const sample = sampleOf(fixtures(1)[0] as Fixture);
  let taken = 0;
  const { url } = await serve(
    readerOf(async function* (signal) {
      for (; !signal.aborted; taken += 1) {
        // Lets other tasks run.
        if (taken % 100 === 0) await new Promise(setImmediate);
        yield sample;
      }
    }),
  );
  const asked = httpRequest(`${url}/v1/resources/r0/meters/m`).end();
  const response = await new Promise<IncomingMessage>((resolve) => asked.on('response', resolve));
  response.pause();
  let before = -1;
  while (taken !== before) {
    before = taken;
    await sleep(300);
  }
  expect(taken).toBeGreaterThan(0);
  response.destroy();
});

it('statistics are computed for each period, from any number of samples', async () => {
  const sample = sampleOf(fixtures(1)[0] as Fixture);
  const { url } = await serve(
    readerOf(async function* () {
      for (let at = 0n; at < 300n; at += 1n)
        yield await Promise.resolve({ ...sample, volume: '2', timestamp: sample.timestamp + at * 1_000_000_000n });
    }),
  );
  const rows = await json(`${url}/v2/meters/m/statistics?period=60`);
  expect(rows.map(({ sum, duration }) => [sum, duration])).toEqual(Array.from({ length: 5 }, () => [120, 59]));
});

it('a store that does not exist at the start is read when it exists', async () => {
  const path = join(stores.folder, 'later.db');
  const logger = new RecordingLogger();
  const api = createApi({ options: apiOptions.parse({ port: 0 }), reader: stores.readerAt(path), logger });
  await api.start(new AbortController().signal);
  try {
    expect((await fetch(`${api.url}/v2/meters`)).status).toBe(503);
    copyFileSync(join(stores.folder, 'empty.db'), path);
    expect(await json(`${api.url}/v2/meters`)).toEqual([]);
  } finally {
    await api.stop();
  }
});

it.each(['0.0.0.0', '::', '192.0.2.1', 'example.org'])(
  'does not listen on %s without authentication',
  (address) => {
    expect(apiOptions.safeParse({ address }).error?.issues[0]?.message).toContain('is not a loopback address');
  },
);
