import { exampleSample } from '@nephoscope/testing';
import { Kysely, PostgresDialect } from 'kysely';

import { migrate } from '../../src/migrate.js';
import { ConnectionPool } from '../../src/postgresql/connection-pool.js';
import { migrations } from '../../src/postgresql/migrations.js';
import { PostgresqlUrl } from '../../src/postgresql/postgresql-url.js';
import type { Schema } from '../../src/schema.js';
import { realClock } from '../store-at.js';
import { all, dropDatabase, execute, limits, never, newDatabase, readerAt, storeAt } from './support.js';

const recordedAt = 1_795_348_800n * 1_000_000_000n;
const day = 86_400n * 1_000_000_000n;
const layout =
  '{"message_id":"\u0002","counter_volume":\u0001,"resource_metadata":\u0005,"message_signature":"\u0006"}';

let url: string;
beforeEach(async () => {
  url = await newDatabase();
});
afterEach(() => dropDatabase(url));

/** The tables of the previous version, with a sample that it wrote. */
async function olderDatabase(): Promise<void> {
  const pool = new ConnectionPool({ url: new PostgresqlUrl(url), tls: {}, name: 'test' }, limits, 1);
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  const { '0001_samples': first } = migrations;
  if (first === undefined) throw new Error('there is no first migration');
  await migrate(db, url, { '0001_samples': first }, []);
  await db.destroy();
  const key = '01a205c0-39da-76bf-8f59-96caf4322518';
  const [series, metadata] = ['8ddeca23-add9-4334-a5c6-c2ab604f673c', 'bb736733-a4de-497d-a02c-5456070fd000'];
  await execute(
    url,
    `insert into message_ids values ('${key}');
    insert into series (id, source, counter_name, type, unit, resource_id, layout)
      values ('${series}', 'openstack', 'cpu', 'cumulative', 'ns', 'old', '${layout}');
    insert into metadata values ('${metadata}', '{"a": 1}');
    insert into samples (series_id, timestamp, sequence, key, metadata_id, volume, signature)
      values ('${series}', ${recordedAt}, 1, '${key}', '${metadata}', 18446744073709551615, decode('${'ab'.repeat(32)}', 'hex'))`,
  );
}

const countIn = async (table: string) => (await execute(url, `select id from ${table}`)).length;

it('reads and writes a database of the previous version, and removes old samples with their series and metadata', async () => {
  await olderDatabase();
  const store = storeAt(url, { clock: { ...realClock, now: () => recordedAt + 300n * day } });
  try {
    await store.start(never);
    const [old] = await all(store);
    expect(old).toMatchObject({ resourceId: 'old', volume: '18446744073709551615', timestamp: recordedAt });
    const next = exampleSample({ resourceId: 'new', timestamp: recordedAt + 200n * day });
    expect(await store.record([next])).toEqual({ recorded: 1, duplicates: 0 });
    expect(await all(store)).toEqual([old, next]);
    expect(await store.removedBefore()).toBeUndefined();
    expect(await store.removeBefore(recordedAt + 100n * day)).toBe(1);
    expect(await store.removedBefore()).toBe(recordedAt + 100n * day);
    expect(await all(store)).toEqual([next]);
    expect([await countIn('series'), await countIn('metadata')]).toEqual([1, 1]);
  } finally {
    await store.stop();
  }
}, 30_000);

it('a reader creates no tables, and does not change those of the previous version', async () => {
  const start = () => readerAt(url).start(never);
  const tables = () => execute(url, "select relname from pg_class where relnamespace = 'public'::regnamespace");
  await expect(start()).rejects.toMatchObject({ code: 'STORE_MISSING' });
  expect(await tables()).toEqual([]);
  await olderDatabase();
  const before = await tables();
  await expect(start()).rejects.toMatchObject({ code: 'STORE_SCHEMA_OLDER' });
  expect(await tables()).toEqual(before);
});
