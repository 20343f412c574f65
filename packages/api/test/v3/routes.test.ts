import { createHash } from 'node:crypto';

import { z } from 'zod';

import { routes } from '../../src/v3/routes.js';
import { problemSchema } from '../../src/v3/schemas.js';
import { Stores } from '../store.js';
import { samples } from './example.js';
import { serve } from './serve.js';
import type { Served } from './serve.js';

const stores = new Stores();
let all: Served;
let bank: Served;

beforeAll(async () => {
  await stores.prepare();
  all = await serve(await stores.readerOf(samples));
  bank = await serve(stores.readerAt(`${stores.folder}/${stores.count}.db`), { scope: { project: 'bank' } });
});
afterAll(async () => {
  await all.close();
  await bank.close();
  stores.remove();
});

type Json = Record<string, unknown>;

async function ask(path: string, headers: Record<string, string> = {}, served = all) {
  const response = await fetch(served.url + path, { headers });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return {
    status: response.status,
    headers: response.headers,
    text,
    type,
    body: /json/.test(type) && !/ndjson/.test(type) ? (JSON.parse(text) as Json) : {},
  };
}

/** The reply as JSON, which must have exactly the documented schema. */
async function reply(path: string, served = all): Promise<Json> {
  const { status, body, text } = await ask(path, {}, served);
  expect([path, status, status === 200 ? '' : text]).toEqual([path, 200, '']);
  const route = routes.find((one) =>
    new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/?]+')}([?]|$)`).test(path),
  );
  expect(route?.reply.safeParse(body).error?.issues).toBeUndefined();
  expect(Object.keys(body)).toEqual(
    expect.arrayContaining(Object.keys(z.looseObject({}).parse(route?.reply.parse(body)))),
  );
  expect(JSON.parse(JSON.stringify(route?.reply.parse(body)))).toEqual(body);
  return body;
}

const items = (body: Json, key: string) => body[key] as Json[];

describe('/v3/samples', () => {
  it('returns samples with all digits, and the state of their signatures', async () => {
    const { samples: found } = await reply('/v3/samples?resource=web&order=oldest&limit=1000');
    const some = found as Json[];
    expect(some).toHaveLength(48);
    expect(some[29]).toMatchObject({
      volume: '29000000000000000000000000000000',
      timestamp: '2026-10-02T05:00:00.000000Z',
      epoch: 'run 1',
      sequence: '29',
      metadata: { at: 29 },
      signature: { state: 'verified', form: 'canonical', reason: null },
    });
  });

  it('detects a message that was changed', async () => {
    const { text, body } = await ask('/v3/samples/db%2Fmemory%2F5');
    expect(body).toMatchObject({ volume: '3', signature: { state: 'signature-wrong' } });
    expect(text).toContain('the signature does not hold');
    const exactly = JSON.parse(text) as { message: string };
    expect(exactly.message).toBe(samples.at(-1)?.text);
  });

  it.each([
    ['project=bank', 8],
    ['project=bank&project=shop', 52],
    ['project=', 0],
    ['meter=memory', 4],
    ['resource=web&resource=db', 52],
    ['user=nobody', 0],
    ['start=2026-10-02', 24],
    ['start=2026-10-02&zone=Europe/Berlin', 26],
    ['start=2026-10-02T00:00:00%2B02:00', 26],
    ['end=2026-10-01T01:00:00Z', 2],
    ['where=flavor.name=large', 28],
    ['where=flavor.name!=large', 24],
    ['where=at>=40', 8],
    ['where=at>=40&where=at<44.0', 4],
    ['where=at="40"', 0],
  ])('finds the samples for %s', async (query, count) => {
    const { samples: found } = await reply(`/v3/samples?limit=1000&${query}`);
    expect(found).toHaveLength(count);
  });

  it('pages linked by Link contain everything', async () => {
    const whole = await reply('/v3/samples?limit=1000');
    const found: Json[] = [];
    let path: string | undefined = '/v3/samples?limit=7';
    while (path !== undefined) {
      const { body, headers } = await ask(path);
      found.push(...items(body, 'samples'));
      path = /^<(\/.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
      expect(body['next'] === null).toBe(path === undefined);
    }
    expect(found).toEqual(whole['samples']);
  });
});

describe('CSV and NDJSON', () => {
  /** The lines of an export, with their number and hash. */
  const lines = (text: string) => {
    const end = text.lastIndexOf('\n', text.length - 2) + 1;
    const last = text.slice(end);
    const [, count = '', sha256] = /count"?[=:](\d+),"?sha256"?[=:]"?(\w{64})/.exec(last) ?? [];
    expect(sha256).toBe(createHash('sha256').update(text.slice(0, end)).digest('hex'));
    return { count: Number(count), lines: text.slice(0, end).split('\n').slice(0, -1) };
  };

  it('contain everything, with the number of rows and a checksum', async () => {
    const csv = await ask('/v3/samples?order=oldest', { accept: 'text/csv' });
    expect(csv.type).toBe('text/csv; charset=utf-8');
    const rows = lines(csv.text);
    expect([rows.count, rows.lines.length]).toEqual([52, 53]);
    expect(rows.lines[2]).toBe(
      'db/memory/0,2026-10-01T00:00:00.000000Z,openstack,memory,gauge,GiB,4,shop,user,db,run,compute.test,0',
    );
    const ndjson = await ask('/v3/samples?order=oldest', { accept: 'application/x-ndjson' });
    expect(ndjson.type).toBe('application/x-ndjson');
    const json = lines(ndjson.text);
    expect([json.count, json.lines.length]).toEqual([52, 52]);
    expect(JSON.parse(json.lines[0] ?? '')).toMatchObject({
      message_id: 'web/cpu/0',
      signature: { state: 'not-checked' },
    });
  });

  it('of a page have a Link, and the next cursor in the last line', async () => {
    const { text, headers } = await ask('/v3/samples?limit=5&signatures=true', { accept: 'text/csv' });
    expect(lines(text).count).toBe(5);
    expect(headers.get('link')).toContain(/next=(\S+)$/.exec(text.trimEnd())?.[1]);
    expect(text).toContain(',verified\n');
  });

  it.each([
    '/v3/samples',
    '/v3/resources',
    '/v3/resources/web/history',
    '/v3/meters',
    '/v3/projects',
    '/v3/usage?month=2026-10',
    '/v3/statistics?month=2026-10&function=count',
    '/v3/explain?month=2026-10&meter=cpu',
  ])('of %s have the same rows as JSON', async (path) => {
    const csv = lines((await ask(path, { accept: 'text/csv' })).text);
    const width = (line = '') => line.replaceAll(/"[^"]*"/g, '').split(',').length;
    for (const line of csv.lines) expect(width(line)).toBe(width(csv.lines[0]));
    const ndjson = lines((await ask(path, { accept: 'application/x-ndjson' })).text);
    const route = routes.find((one) =>
      new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/?]+')}([?]|$)`).test(path),
    );
    const rows = ndjson.lines.map((line) => JSON.parse(line) as Json);
    for (const row of rows) expect(JSON.parse(JSON.stringify(route?.row?.parse(row)))).toEqual(row);
    expect(csv.count).toBe(rows.filter(({ total }) => total === undefined).length);
    expect(csv.count).toBeGreaterThan(0);
  });
});

describe('inventory', () => {
  it('resources with their owners, meters and metadata', async () => {
    const { resources } = await reply('/v3/resources');
    const [db, web] = resources as Json[];
    expect(db).toMatchObject({ resource_id: 'db', meters: [{ name: 'memory', unit: 'GiB' }] });
    expect(web).toMatchObject({
      project_id: 'bank',
      owners: [
        { project_id: 'shop', last_timestamp: '2026-10-02T15:00:00.000000Z' },
        { project_id: 'bank', first_timestamp: '2026-10-02T16:00:00.000000Z' },
      ],
      metadata: { at: 47 },
    });
    expect(await reply('/v3/resources/web')).toEqual(web);
    const first = await ask('/v3/resources?limit=1');
    expect([first.body['next'], items(first.body, 'resources').length]).toEqual(['db', 1]);
    const second = await ask(/<(.*)>/.exec(first.headers.get('link') ?? '')?.[1] ?? '');
    expect([second.body['next'], second.body['resources']]).toEqual([null, [web]]);
  });

  it('the history of a resource: owners, flavors and hosts', async () => {
    const { states } = await reply('/v3/resources/web/history');
    expect(
      (states as Json[]).map(({ samples: count, project_id, flavor, host }) => [count, project_id, flavor, host]),
    ).toEqual([
      [10, 'shop', 'small', 'compute-1'],
      [10, 'shop', 'small', 'compute-2'],
      [20, 'shop', 'large', 'compute-2'],
      [8, 'bank', 'large', 'compute-2'],
    ]);
  });

  it('meters and projects', async () => {
    expect(await reply('/v3/meters')).toEqual({
      meters: [
        { name: 'cpu', type: 'cumulative', unit: 'ns', resources: 1, samples: 48 },
        { name: 'memory', type: 'gauge', unit: 'GiB', resources: 1, samples: 4 },
      ],
    });
    const { projects } = await reply('/v3/projects');
    expect(projects).toMatchObject([
      { project_id: 'bank', resources: 1 },
      { project_id: 'shop', resources: 2 },
    ]);
  });
});

describe('figures', () => {
  const brief = (figures: unknown) =>
    (figures as { group: Json; function: string; value: string; unit: string }[]).map(
      ({ group: { source: _, ...group }, function: name, value, unit }) => [
        ...Object.values(group),
        name,
        value,
        unit,
      ],
    );

  it('use is exact across a restart, and divided by project', async () => {
    const body = await reply('/v3/usage?month=2026-10&group_by=project');
    expect(brief(body['figures'])).toEqual([
      ['cpu', 'bank', 'use', '8', 'ns'],
      ['cpu', 'shop', 'use', '29000000000000000000000000000009', 'ns'],
      ['memory', 'shop', 'amount', expect.stringMatching(/^\d/), 'GiB·h'],
    ]);
    expect(items(body, 'figures')[0]).toMatchObject({
      epochs: 1,
      samples: 8,
      coverage: { missing: expect.any(String) },
    });
  });

  it('use is divided into days of a time zone', async () => {
    const body = await reply(
      '/v3/usage?start=2026-10-01T00:00:00Z&end=2026-10-03&zone=Asia/Kolkata&period=day&meter=cpu',
    );
    const figures = items(body, 'figures');
    expect(figures.map(({ start, partial }) => [start, partial])).toEqual([
      ['2026-10-01T05:30:00+05:30', true],
      ['2026-10-02T00:00:00+05:30', false],
    ]);
    expect(body).toMatchObject({ zone: 'Asia/Kolkata', period: 'day', end: '2026-10-03T00:00:00+05:30' });
    const parts = figures.reduce((sum, { value }) => sum + BigInt(value as string), 0n);
    expect(items(body, 'totals')).toMatchObject([{ value: String(parts) }]);
  });

  it('statistics support any function, grouped by metadata', async () => {
    const body = await reply(
      '/v3/statistics?month=2026-10&meter=cpu&function=use&function=count&group_by=metadata.flavor.name',
    );
    expect(brief(body['figures'])).toEqual([
      ['cpu', 'large', 'use', expect.any(String), 'ns'],
      ['cpu', 'large', 'count', '28', 'sample'],
      ['cpu', 'small', 'use', '19000000000000000000000000000000', 'ns'],
      ['cpu', 'small', 'count', '20', 'sample'],
    ]);
  });

  it('without a function, statistics are of all that the type of the meter allows', async () => {
    const body = await reply('/v3/statistics?month=2026-10&meter=cpu&resource=web');
    expect(brief(body['figures']).map(([, name]) => name)).toEqual(['use', 'count']);
  });

  it('are explained by their samples', async () => {
    const body = await reply(
      '/v3/explain?start=2026-10-01T10:30:00Z&end=2026-10-01T12:30:00Z&meter=cpu&resource=web',
    );
    expect(items(body, 'samples').map(({ message_id, part }) => [message_id, part])).toEqual([
      ['web/cpu/10', 'before'],
      ['web/cpu/11', 'within'],
      ['web/cpu/12', 'within'],
      ['web/cpu/13', 'after'],
    ]);
    expect(body['signatures']).toEqual({ verified: 4 });
    const usage = await reply(
      '/v3/usage?start=2026-10-01T10:30:00Z&end=2026-10-01T12:30:00Z&meter=cpu&resource=web',
    );
    expect(body['figures']).toEqual(usage['figures']);
  });
});

describe('scope', () => {
  it('a tenant sees its own samples and figures, even of a resource that belonged to another one', async () => {
    expect(items(await reply('/v3/samples', bank), 'samples')).toHaveLength(8);
    const { projects } = await reply('/v3/projects', bank);
    expect(projects).toMatchObject([{ project_id: 'bank' }]);
    const { figures } = await reply('/v3/usage?month=2026-10', bank);
    expect(figures).toMatchObject([{ value: '8', samples: 8 }]);
    const { states } = await reply('/v3/resources/web/history', bank);
    expect(states).toHaveLength(1);
    const { samples: found } = await reply('/v3/explain?month=2026-10&meter=cpu', bank);
    expect((found as Json[]).every(({ project_id: project }) => project === 'bank')).toBe(true);
  });

  it.each([
    '/v3/samples?project=X',
    '/v3/samples/X%2Fmemory%2F1',
    '/v3/samples?resource=X',
    '/v3/resources/X',
    '/v3/resources/X/history',
    '/v3/resources?resource=X',
    '/v3/meters?resource=X',
    '/v3/usage?month=2026-10&project=X',
    '/v3/usage?month=2026-10&resource=X',
    '/v3/explain?month=2026-10&meter=memory&resource=X',
  ])('answers in the same way for data of others and for missing data: %s', async (path) => {
    const asked = async (name: string) => {
      const { status, text, headers } = await ask(path.replace('X', name), {}, bank);
      return [status, text, [...headers].filter(([key]) => key !== 'date')];
    };
    const absent = await asked('nowhere');
    expect(await asked('db')).toEqual(absent);
    expect(await asked('shop')).toEqual(absent);
  });
});

describe('problems', () => {
  it.each([
    ['/v3/samples?limit=0', 400, 'invalid-parameters', 'limit: it is a whole number of 1 to 1000'],
    ['/v3/samples?limit=5000', 400, 'invalid-parameters', 'application/x-ndjson'],
    ['/v3/samples?limit=5&limit=6', 400, 'invalid-parameters', 'limit: it is given more than once'],
    ['/v3/samples?projekt=x', 400, 'invalid-parameters', 'projekt: there is no such parameter'],
    ['/v3/samples?start=2026-10-01T00:00:00', 400, 'invalid-parameters', 'offset from UTC'],
    ['/v3/samples?start=2026-10-01T00:00:00+02:00', 400, 'invalid-parameters', '%2B'],
    ['/v3/samples?where=flavor', 400, 'invalid-parameters', 'a condition is a key'],
    ['/v3/samples?cursor=nonsense', 400, 'invalid-cursor', 'cursor cannot be used'],
    ['/v3/samples/none', 404, 'not-found', 'no such sample'],
    ['/v3/resources/none', 404, 'not-found', 'no sample of such a resource'],
    ['/v3/usage', 400, 'invalid-parameters', 'give month'],
    ['/v3/usage?month=2026-10&start=2026-10-01', 400, 'invalid-parameters', 'instead of start and end'],
    ['/v3/usage?month=2026-13', 400, 'invalid-parameters', '2026-13'],
    ['/v3/usage?month=2026-10&zone=Mars/Olympus', 400, 'invalid-parameters', 'Mars/Olympus'],
    ['/v3/usage?month=2026-10&period=fortnight', 400, 'invalid-parameters', 'fortnight'],
    ['/v3/usage?month=2026-10&period=PT0S', 400, 'invalid-parameters', 'PT0S'],
    ['/v3/usage?month=2026-10&group_by=colour', 400, 'invalid-parameters', 'colour'],
    ['/v3/usage?month=2026-10&rounding=up', 400, 'invalid-parameters', 'it needs digits'],
    ['/v3/usage?start=2026-10-02&end=2026-10-01', 400, 'invalid-parameters', 'a range ends after it starts'],
    ['/v3/statistics?month=2026-10&function=', 400, 'invalid-parameters', 'no function'],
    ['/v3/statistics?month=2026-10&function=sum&meter=cpu', 422, 'refused', 'Ask for use'],
    ['/v3/usage?month=2026&period=PT1S', 422, 'query-too-large', 'there would be about 31536000 figures'],
    ['/v3/usage?month=2026&period=PT1M', 422, 'query-too-large', 'there would be about 525600 figures'],
    ['/v3/explain?month=2026-10', 400, 'invalid-parameters', 'meter'],
  ])('%s: %d %s', async (path, status, kind, detail) => {
    const found = await ask(path);
    expect([found.status, found.type]).toEqual([status, 'application/problem+json']);
    const problem = problemSchema.parse(found.body);
    expect(problem).toMatchObject({ status, type: `urn:nephoscope:problem:${kind}` });
    expect(problem.detail).toContain(detail);
  });

  it('states the size of a query that is refused', async () => {
    const { body } = await ask('/v3/usage?month=2026&period=PT1M');
    expect(body).toMatchObject({ size: 525_600, limit: 200_000 });
  });

  it.each([
    ['/v3/nothing', {}, 404],
    ['/v3', {}, 404],
    ['/v3/samples', { method: 'POST' }, 405],
    ['/v3/samples/x', { method: 'DELETE' }, 405],
    ['/v3/openapi.json', { method: 'PUT' }, 405],
    ['/v3/samples', { headers: { accept: 'image/png' } }, 406],
    ['/v3/samples/x', { headers: { accept: 'text/csv' } }, 406],
    ['/v3/samples/%ZZ', {}, 400],
  ])('%s %j: %d', async (path, init, status) => {
    const response = await fetch(all.url + path, init);
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(problemSchema.parse(await response.json()).status).toBe(status);
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET' : null);
  });
});

describe('HTTP features', () => {
  it('serves its OpenAPI document', async () => {
    const { body } = await ask('/v3/openapi.json');
    expect(body).toMatchObject({ openapi: '3.1.0' });
  });

  it('does not send an unchanged response again', async () => {
    const path = '/v3/usage?month=2026-10&period=day';
    const first = await ask(path);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    const again = await ask(path, { 'if-none-match': `"other", ${etag}` });
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    const other = await ask(path, { 'if-none-match': etag, accept: 'text/csv' });
    expect(other.status).toBe(200);
  });

  it.each(['br', 'gzip', 'gzip;q=0.5, br;q=0', 'identity', ''])(
    'compresses as Accept-Encoding permits: %s',
    async (coding) => {
      const plain = await ask('/v3/samples?limit=40', { 'accept-encoding': 'identity' });
      const { text, headers } = await ask('/v3/samples?limit=40', { 'accept-encoding': coding });
      expect(text).toBe(plain.text);
      expect(headers.get('content-encoding')).toBe(
        /identity|^$/.test(coding) ? null : coding === 'br' ? 'br' : 'gzip',
      );
      expect(headers.get('vary')).toBe('accept, accept-encoding');
    },
  );
});
