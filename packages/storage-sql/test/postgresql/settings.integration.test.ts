import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { exampleSample } from '@nephoscope/testing';

import { startPostgresql } from '../../../../tools/testbed/postgresql.js';
import type { PrivatePostgresql } from '../../../../tools/testbed/postgresql.js';
import { all, batch, execute, never, newDatabase, read, readerAt, storeAt } from './support.js';
import type { StoreAt } from './support.js';

let server: PrivatePostgresql;
const stores: StoreAt[] = [];
beforeAll(async () => {
  server = await startPostgresql({ settings: ['wal_level = logical'] });
}, 120_000);
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.stop()));
  await server.psql('alter role nephoscope reset all');
});
afterAll(() => server.stop());

async function started(url: string): Promise<StoreAt> {
  const store = storeAt(url);
  stores.push(store);
  await store.start(never);
  return store;
}

const databaseOf = (url: string) => new URL(url).pathname.slice(1);
const set = (url: string, setting: string) => server.psql(`alter database ${databaseOf(url)} set ${setting}`);

const unusual = [
  ...['bytea_output = escape', "DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'"],
  ...["TimeZone = 'Asia/Kolkata'", 'standard_conforming_strings = off', 'extra_float_digits = -15'],
  ...["client_encoding = 'LATIN1'", "default_transaction_isolation = 'serializable'", 'synchronous_commit = off'],
  ...["lock_timeout = '1ms'", "statement_timeout = '1ms'", "idle_session_timeout = '1s'"],
  ...["idle_in_transaction_session_timeout = '1ms'", 'default_transaction_deferrable = on', 'array_nulls = off'],
  ...["search_path = '$user', public", 'quote_all_identifiers = on', 'transform_null_equals = on'],
];

it.each(['database', 'role'])('settings of the %s do not affect what is recorded and read', async (by) => {
  const url = await newDatabase(server.url);
  for (const setting of unusual)
    await (by === 'database' ? set(url, setting) : server.psql(`alter role nephoscope set ${setting}`));
  const store = await started(url);
  const samples = [
    exampleSample({
      resourceId: 'Köln',
      volume: '0.1',
      metadata: '{"display_name": "prod-🚀 \\u0000 \\\\ \'"}',
    }),
    exampleSample({ resourceId: 'cjk-日本', messageId: "no uuid ' \\ x" }),
    exampleSample({ resourceId: 'r', volume: '-1e-07', sequence: null, timestamp: 1n }),
  ];
  expect(await store.record(samples)).toEqual({ recorded: 3, duplicates: 0 });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await store.record(samples)).toEqual({ recorded: 0, duplicates: 3 });
  const found = await all(store);
  expect(found.map(({ text }) => text).sort()).toEqual(samples.map(({ text }) => text).sort());
  expect(await all(store, { resources: ['cjk-日本'] })).toEqual([samples[1]]);
  expect(await store.removeBefore(2n ** 62n)).toBe(3);
});

it("commits are synced to disk, whatever the role's setting", async () => {
  const url = await newDatabase(server.url);
  await server.psql('alter role nephoscope set synchronous_commit = off');
  const store = await started(url);
  for (let round = 0; round < 3; round++) {
    const recorded = batch(50);
    await store.record(recorded);
    await server.kill();
    await server.start();
    expect(await store.record(recorded).catch(() => store.record(recorded))).toEqual({
      recorded: 0,
      duplicates: 50,
    });
  }
}, 120_000);

describe('the search path', () => {
  it('may be changed after the tables were created: they are still found', async () => {
    const url = await newDatabase(server.url);
    const sample = exampleSample();
    await (await started(url)).record([sample]);
    await execute(url, 'create schema other; create table other.samples (id int)');
    for (const path of ['other, public', 'other', 'nowhere', "''"]) {
      await set(url, `search_path = ${path}`);
      const store = await started(url);
      expect(await store.record([sample, exampleSample({ resourceId: path })])).toEqual({
        recorded: 1,
        duplicates: 1,
      });
    }
    expect(await all(await started(url))).toHaveLength(5);
  });

  it('determines where the tables are created', async () => {
    const url = await newDatabase(server.url);
    await execute(url, 'create schema metering');
    await set(url, 'search_path = metering, public');
    await (await started(url)).record(batch(2));
    expect(await execute(url, 'select count(*)::int as count from metering.samples')).toEqual([{ count: 2 }]);
  });

  it('is named in the error if none of its schemas exists', async () => {
    const url = await newDatabase(server.url);
    await set(url, 'search_path = nowhere');
    await expect(storeAt(url).start(never)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      message: expect.stringContaining('search_path'),
    });
  });
});

it('refuses to read if a policy hides rows from the user, and reports why', async () => {
  const url = await newDatabase(server.url);
  const store = await started(url);
  await store.record(batch(3));
  await execute(url, 'alter table samples enable row level security');
  // The owner sees all rows, unless the policy is forced.
  expect(await all(store)).toHaveLength(3);
  await execute(url, 'alter table samples force row level security');
  await expect(all(store)).rejects.toMatchObject({
    code: 'STORE_REFUSED',
    message: expect.stringMatching(/row-level security.*samples/),
  });
});

it.each([
  ['LATIN1', "locale 'C'"],
  ['SQL_ASCII', "locale 'C'"],
  ['EUC_JP', "locale 'C'"],
])('refuses a database with the encoding %s, and says what to do', async (encoding, locale) => {
  const url = new URL(await newDatabase(server.url));
  url.pathname = `${url.pathname}_${encoding.toLowerCase()}`;
  await execute(
    server.url,
    `create database ${databaseOf(url.href)} encoding '${encoding}' ${locale} template template0`,
  );
  await expect(storeAt(url.href).start(never)).rejects.toMatchObject({
    code: 'STORE_INVALID',
    message: expect.stringMatching(`${encoding}.*create database`),
  });
});

describe('rows with ids that did not come from the sequence', () => {
  it('are all read, and new rows do not collide with them', async () => {
    const from = await newDatabase(server.url);
    const old = batch(50);
    await (await started(from)).record(old);
    const to = await newDatabase(server.url);
    await (await started(to)).stop();
    const [origin, target] = [databaseOf(from), databaseOf(to)];
    // As logical replication leaves it: the rows without the state of the sequence; then smaller ids.
    await server.psql('create extension if not exists dblink', target);
    for (const table of ['series', 'metadata', 'message_ids', 'samples']) {
      const rows = await server.psql(`select string_agg(row_to_json(t)::text, ',') from ${table} t`, origin);
      await server.psql(
        `insert into ${table} select * from json_populate_recordset(null::${table}, $json$[${rows.trim()}]$json$)`,
        target,
      );
    }
    await server.psql('update samples set id = id - (select min(id) - 1 from samples)', target);
    const ids = async () => (await server.psql('select id from samples order by id', target)).trim().split('\n');
    expect(await ids()).toEqual(old.map((_, at) => `${at + 1}`));

    const reader = readerAt(to);
    await reader.start(never);
    expect(new Set((await read(reader)).map(({ text }) => text))).toEqual(new Set(old.map(({ text }) => text)));
    // While it is being read, a collector starts and records: the old samples are read, the new ones are not.
    const stream = reader.samples({ scope: 'all' }, never)[Symbol.asyncIterator]();
    const first = await stream.next();
    const recorder = await started(to);
    expect(await recorder.record([...old, ...batch(3)])).toEqual({ recorded: 3, duplicates: 50 });
    const found = [first.value];
    for (let next = await stream.next(); next.done !== true; next = await stream.next()) found.push(next.value);
    expect(found).toHaveLength(50);
    expect(await read(reader)).toHaveLength(53);
    await reader.stop();
    expect(new Set(await ids()).size).toBe(53);
  });
});

it('works with a pooler that accepts no start-up parameters, and with a server that rejects one of them', async () => {
  const url = new URL(await newDatabase(server.url));
  const text = 'unsupported startup parameter: statement_timeout';
  const fields = Buffer.from(`SFATAL\0C08P01\0M${text}\0\0`);
  const refusal = Buffer.concat([Buffer.from('E'), Buffer.alloc(4), fields]);
  refusal.writeInt32BE(4 + fields.length, 1);
  let refused = 0;
  const pooler = createServer((client) => {
    const target = connect(Number(url.port), '127.0.0.1');
    for (const socket of [client, target]) socket.on('error', () => undefined);
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
    target.on('data', (data) => client.write(data));
    client.once('data', (first) => {
      if (first.includes('statement_timeout')) {
        refused++;
        client.end(refusal);
        return;
      }
      target.write(first);
      // An invalid value of the same length.
      client.on('data', (data) =>
        target.write(Buffer.from(data.toString('latin1').replace('40s', '40?'), 'latin1')),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(pooler, 'listening');
  const through = new URL(url);
  through.port = `${(pooler.address() as AddressInfo).port}`;
  try {
    const store = await started(through.href);
    expect(await store.record(batch(3))).toEqual({ recorded: 3, duplicates: 0 });
    expect(refused).toBeGreaterThan(0);
    await store.stop();
  } finally {
    pooler.close();
  }
});
