import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { exampleSample, RecordingLogger } from '@nephoscope/testing';

import { startPostgresql } from '../../../../tools/testbed/postgresql.js';
import type { PrivatePostgresql } from '../../../../tools/testbed/postgresql.js';
import { PostgresqlSampleStore } from '../../src/postgresql/postgresql-sample-store.js';
import { PostgresqlUrl } from '../../src/postgresql/postgresql-url.js';
import { realClock } from '../store-at.js';
import { all, execute, limits, never, newDatabase } from './support.js';
import type { StoreAt } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-dump-'));
let server: PrivatePostgresql;
let url: string;
let name: string;
let logger: RecordingLogger;
let store: StoreAt;
beforeAll(async () => {
  server = await startPostgresql({ settings: ['fsync = off'] });
}, 120_000);
beforeEach(async () => {
  url = await newDatabase(server.url);
  name = new URL(url).pathname.slice(1);
  logger = new RecordingLogger();
  const tools = { logger, clock: realClock, host: 'test' };
  store = Object.assign(new PostgresqlSampleStore({ url: new PostgresqlUrl(url), tls: {} }, tools, limits), {
    url,
  });
  await store.start(never);
});
afterEach(() => store.stop());
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
}, 60_000);

const samplesOf = (resourceId: string, count = 3) =>
  Array.from({ length: count }, () => exampleSample({ resourceId, metadata: `{"of":"${resourceId}"}` }));
const resources = async () => (await all(store)).map(({ resourceId }) => resourceId).sort();
const warnings = () => logger.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);

async function dump(): Promise<string> {
  const file = join(folder, `${name}.dump`);
  await server.client('pg_dump', '--format=custom', `--file=${file}`, name);
  return file;
}

it('continues after a restore: rows that samples refer to are written again, and that is logged', async () => {
  await store.record(samplesOf('old'));
  const file = await dump();
  await store.record(samplesOf('new'));
  // In one transaction, so that no connection ever sees the tables missing: pg_restore --clean cannot drop partitions.
  const script = `${file}.sql`;
  await server.client('pg_restore', `--file=${script}`, file);
  const empty = ['-c', 'drop schema public cascade', '-c', 'create schema public authorization pg_database_owner'];
  await server.client('psql', '-Xq1', '-v', 'ON_ERROR_STOP=1', '-d', name, ...empty, '-f', script);
  expect(await resources()).toEqual(['old', 'old', 'old']);
  const after = samplesOf('new');
  expect(await store.record(after)).toEqual({ recorded: 3, duplicates: 0 });
  expect(await store.record(after)).toEqual({ recorded: 0, duplicates: 3 });
  // Their series and metadata were recorded after the backup.
  expect(await resources()).toEqual(['new', 'new', 'new', 'old', 'old', 'old']);
  expect((await all(store)).filter(({ text }) => text.includes('{"of":"new"}'))).toHaveLength(3);
  expect(warnings()).toEqual([expect.stringContaining('the tables are not those of before')]);
});

it('records nothing while a backup is being restored, and everything afterwards', async () => {
  await store.record(samplesOf('old'));
  const file = await dump();
  // As pg_restore works without --single-transaction: the tables, then the data, then the keys.
  await server.client('pg_restore', '--clean', '--section=pre-data', `--dbname=${name}`, file);
  const meanwhile = samplesOf('meanwhile');
  await expect(store.record(meanwhile)).rejects.toMatchObject({ code: expect.stringMatching(/^STORE_/) });
  await server.client('pg_restore', '--section=data', `--dbname=${name}`, file);
  await server.client('pg_restore', '--section=post-data', `--dbname=${name}`, file);
  expect(await store.record(meanwhile)).toEqual({ recorded: 3, duplicates: 0 });
  expect(await resources()).toEqual(['meanwhile', 'meanwhile', 'meanwhile', 'old', 'old', 'old']);
});

it('refuses to record when the table retention is empty, instead of taking samples for duplicates', async () => {
  await store.record(samplesOf('old'));
  await execute(url, 'delete from retention');
  const samples = samplesOf('new');
  await expect(store.record(samples)).rejects.toMatchObject({
    code: 'STORE_INVALID',
    message: expect.stringContaining('the table retention is empty'),
  });
  await execute(url, 'insert into retention values (-4000, -4000)');
  expect(await store.record(samples)).toEqual({ recorded: 3, duplicates: 0 });
});

it('records all batches that were prepared before another collector ended a period', async () => {
  await store.record(samplesOf('old'));
  await execute(url, 'update retention set ended = 600');
  const batches = ['one', 'two', 'three'].map((name) => samplesOf(name));
  const results = await Promise.all(batches.map((batch) => store.record(batch)));
  expect(results).toEqual(batches.map(() => ({ recorded: 3, duplicates: 0 })));
  expect(await all(store)).toHaveLength(12);
});
