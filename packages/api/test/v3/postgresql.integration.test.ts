import sql from '@nephoscope/storage-sql';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

import { dropDatabase, newDatabase } from '../../../storage-sql/test/postgresql/support.js';
import { sharedPostgresqlUrl } from '../../../../tools/testbed/shared.js';
import { Stores } from '../store.js';
import { samples } from './example.js';
import { serve, signed } from './serve.js';
import type { Served } from './serve.js';

const never = new AbortController().signal;
const stores = new Stores();
let url: string;
let onSqlite: Served;
let onPostgresql: Served;

const settings = (address: string) => ({
  options: sql.options.parse({ url: address }),
  ...{ logger: new RecordingLogger(), clock: new FakeClock(), host: 'tests' },
});

beforeAll(async () => {
  url = await newDatabase(sharedPostgresqlUrl());
  const store = sql.create(settings(url));
  await store.start(never);
  await store.record(samples);
  await store.stop();
  const reader: SampleReader = sql.createReader(settings(url));
  onPostgresql = await serve(reader);
  await stores.prepare();
  onSqlite = await serve(await stores.readerOf(samples));
});
afterAll(async () => {
  await onSqlite.close();
  await onPostgresql.close();
  stores.remove();
  await dropDatabase(url);
});

const ask = async (served: Served, path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(served.url + path, { headers });
  return { status: response.status, etag: response.headers.get('etag'), text: await response.text() };
};

it.each([
  '/v3/samples?limit=1000',
  '/v3/samples?order=oldest&limit=1000&where=at>=40&resource=web',
  '/v3/samples/db%2Fmemory%2F5',
  '/v3/samples/none',
  '/v3/samples?project=',
  '/v3/resources',
  '/v3/resources/web',
  '/v3/resources/web/history',
  '/v3/meters',
  '/v3/projects?start=2026-10-02T17:00:00Z',
  '/v3/usage?month=2026-10&group_by=project&period=day&zone=Asia/Kathmandu',
  '/v3/statistics?month=2026-10&function=average&function=p95&meter=memory&group_by=metadata.flavor.name',
  '/v3/explain?start=2026-10-01T10:30:00Z&end=2026-10-01T12:30:00Z&meter=cpu',
])('%s is answered as on SQLite, byte for byte', async (path) => {
  const expected = await ask(onSqlite, path);
  expect(expected.text.length).toBeGreaterThan(20);
  expect(await ask(onPostgresql, path)).toEqual(expected);
  for (const accept of ['text/csv', 'application/x-ndjson'])
    expect(await ask(onPostgresql, path, { accept })).toEqual(await ask(onSqlite, path, { accept }));
});

it('a sample that comes late changes what was answered for a time that is over', async () => {
  const path = '/v3/usage?start=2026-10-01&end=2026-10-02&resource=late&meter=cpu';
  const store = sql.create(settings(url));
  await store.start(never);
  const late = (at: number, volume: bigint) => signed(at, { resourceId: 'late', volume });
  await store.record([late(1, 10n), late(9, 90n)]);
  const { etag, text } = await ask(onPostgresql, path);
  expect(JSON.parse(text)).toMatchObject({ figures: [{ value: '80', samples: 2 }] });
  const again = () => ask(onPostgresql, path, { 'if-none-match': etag ?? '' });
  expect((await again()).status).toBe(304);
  await store.record([signed(100, { resourceId: 'other' })]);
  expect((await again()).status).toBe(304);
  await store.record([late(5, 85n)]);
  await store.stop();
  const changed = await again();
  expect(changed.status).toBe(200);
  expect(JSON.parse(changed.text)).toMatchObject({ figures: [{ value: '80', samples: 3 }] });
});
