import type { SampleReader } from '@nephoscope/core/sample-store';
import { FakeBus, RecordingLogger } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { loopbackCaller } from '../src/access/caller.js';
import { apiOptions } from '../src/options.js';
import { createServer, listen } from '../src/server.js';
import { publisherOn } from './publisher.js';
import { Stores } from './store.js';

// What an error says: what was wrong, and what would be right.

const stores = new Stores();
let reader: SampleReader;
let server: FastifyInstance;
let url: string;
beforeAll(async () => {
  await stores.prepare();
  reader = await stores.reader([]);
  server = createServer({
    ...{ options: apiOptions.parse({}), reader, publisher: publisherOn(new FakeBus()) },
    ...{ logger: new RecordingLogger(), authenticate: () => loopbackCaller },
  });
  url = await listen(server, { address: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server.close();
  await reader.stop();
  stores.remove();
});

async function said(path: string, body?: object): Promise<string> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(url + path, body === undefined ? {} : init);
  expect(response.status).toBe(400);
  return await response.text();
}

it.each([
  ['abc', 'It must be a whole number of 1 to 999999999999999, in digits'],
  ['', 'It must be a whole number'],
  ['1.5', 'It must be a whole number'],
  ['1e9', 'It must be a whole number of 1 to 999999999999999, in digits'],
  ['1000000000000000', 'It must be at most 999999999999999'],
  ['0', 'Limit must be positive'],
  ['-5', 'Limit must be positive'],
])('limit=%s: %s', async (limit, text) => {
  expect(await said(`/v2/samples?limit=${limit}`)).toContain(text);
});

it.each([
  [{ limit: 1_000_000_000_000 }, ['It must be at most 100000']],
  [{ limit: 1.5 }, ['It must be a whole number of 1 to 100000']],
  [{ limit: -1 }, ['Limit must be positive']],
  [{ filter: `${'{"not":'.repeat(200)}{}${'}'.repeat(200)}` }, ['more than 64 objects and arrays in one another']],
  [{ filter: '{' }, ['Filter expression not valid', 'JSON']],
  [{ filter: '{"=":{"timestamp":5}}' }, ['Failed to parse the timestamp value 5', '2026-10-01T12:00:00']],
])('a complex query with %j', async (body, texts) => {
  const text = await said('/v2/query/samples', body);
  for (const one of texts) expect(text).toContain(one);
});

it('a field that there is not: those that there are, as they are documented', async () => {
  const text = await said('/v2/samples?q.field=colour&q.value=red');
  expect(text).toContain('user_id, project_id, resource_id, source, meter');
});

it.each([
  ['aggregate.func=max&aggregate.param=x', 'only cardinality takes an aggregate.param'],
  ['aggregate.func=cardinality&aggregate.param=x', 'aggregate.param is one of '],
])('statistics?%s', async (query, text) => {
  expect(await said(`/v2/meters/cpu/statistics?${query}`)).toContain(text);
});

it('a posted sample of nothing', async () => {
  const sample = {
    counter_name: 'm',
    counter_type: 'gauge',
    counter_unit: 'u',
    counter_volume: 1,
    resource_id: '',
  };
  expect(await said('/v2/meters/m', [sample])).toContain("resource_id. Value: ''. It must not be empty");
});

it.each([
  ['/v3/explain?month=2026-10', ['meter: it is required']],
  ['/v3/samples?order=up', ['order: it is one of ']],
  ['/v3/samples?start=x&end=y', ["start: 'x' is no time", "end: 'y' is no time"]],
  [
    '/v3/usage?start=x&end=y&period=dey&usual=z&rounding=up',
    ['start: ', 'end: ', 'period: ', 'usual: ', 'rounding: '],
  ],
  ['/v3/usage?month=2026-13', ['2026-10-05']],
  ['/v3/usage?month=2026-10&zone=Mars/X', ['Europe/Berlin', '+05:45']],
])('%s', async (path, texts) => {
  const text = await said(path);
  for (const one of texts) expect(text).toContain(one);
  expect(text).not.toMatch(/undefined|Invalid|expected array/);
});
