import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { exampleSample } from '@nephoscope/testing';

import { startPostgresql } from '../../../../tools/testbed/postgresql.js';
import type { PrivatePostgresql } from '../../../../tools/testbed/postgresql.js';
import { halfPairs, withText } from '../half-pairs.js';
import { all, batch, execute, never, newDatabase, shortLimits, storeAt } from './support.js';
import type { StoreAt } from './support.js';

let server: PrivatePostgresql;
const stores: StoreAt[] = [];
beforeAll(async () => {
  server = await startPostgresql({ tls: ['DNS:localhost'] });
}, 120_000);
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.stop()));
});
afterAll(() => server.stop());

async function started(url: string, options?: Parameters<typeof storeAt>[1]): Promise<StoreAt> {
  const store = storeAt(url, options);
  stores.push(store);
  await store.start(never);
  return store;
}

function changed(change: (url: URL) => void, url = server.url): string {
  const copy = new URL(url);
  change(copy);
  return copy.href;
}

describe('a database cannot be opened', () => {
  const wrong: Record<string, [(url: URL) => void, string]> = {
    'a wrong password': [(url) => void (url.password = 'geheim'), 'wrong user or password'],
    'no password': [(url) => void (url.password = ''), 'a password is asked for'],
    'a wrong user': [(url) => void (url.username = 'nobody'), 'wrong user or password'],
    'a wrong database': [(url) => void (url.pathname = '/nowhere'), 'there is no such database'],
  };
  it.each(Object.entries(wrong))('because of %s', async (_, [change, message]) => {
    const store = storeAt(changed(change));
    const failure: unknown = await store.start(never).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining(message) });
    expect((failure as Error).message).toContain(`127.0.0.1:${server.port}/`);
    expect(`${(failure as Error).message} ${(failure as Error).stack}`).not.toContain('geheim');
    expect(`${(failure as Error).message}`).not.toContain(new URL(server.url).password);
  });

  it('because the user may not create tables', async () => {
    const url = await newDatabase(server.url);
    await server.psql(`create role reader login password 'x'`);
    const other = changed((copy) => {
      copy.username = 'reader';
      copy.password = 'x';
    }, url);
    await expect(storeAt(other).start(never)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      message: expect.stringContaining('lacks a permission'),
    });
  });

  it('because nothing listens there, or the server never answers', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const url = changed((copy) => void (copy.port = String(port)));
    try {
      await expect(storeAt(url, { within: shortLimits }).start(never)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('no answer'),
      });
    } finally {
      mute.close();
    }
    await expect(storeAt(url).start(never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('connection refused'),
    });
  });

  it('because its host name cannot be resolved', async () => {
    const url = changed((copy) => void (copy.hostname = 'db.invalid'));
    await expect(storeAt(`${url}?sslmode=disable`).start(never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining("'db.invalid' cannot be resolved"),
    });
  });
});

describe('a foreign database', () => {
  it("is refused if it holds another program's tables, which are not changed", async () => {
    const url = await newDatabase(server.url);
    await execute(url, 'create table accounts (id integer)');
    await expect(storeAt(url).start(never)).rejects.toMatchObject({
      code: 'STORE_INVALID',
      message: expect.stringContaining('accounts'),
    });
    expect(await execute(url, `select tablename from pg_tables where schemaname = 'public'`)).toEqual([
      { tablename: 'accounts' },
    ]);
  });

  it('is refused if its schema is newer', async () => {
    const url = await newDatabase(server.url);
    await (await started(url)).stop();
    await execute(url, `insert into kysely_migration (name, timestamp) values ('0099_better', '2030')`);
    await expect(storeAt(url).start(never)).rejects.toMatchObject({
      code: 'STORE_SCHEMA_NEWER',
      message: expect.stringContaining('0099_better'),
    });
  });

  it('is refused if a table was dropped', async () => {
    const url = await newDatabase(server.url);
    const store = await started(url);
    await execute(url, 'drop table message_ids');
    await expect(store.record(batch(1))).rejects.toMatchObject({ code: 'STORE_INVALID' });
  });
});

it('reads a read-only database, and reports that it cannot be written', async () => {
  const url = await newDatabase(server.url);
  const sample = exampleSample();
  const first = await started(url);
  await first.record([sample]);
  await first.stop();
  await execute(url, `alter database ${new URL(url).pathname.slice(1)} set default_transaction_read_only = on`);
  const store = await started(url);
  expect(await all(store)).toEqual([sample]);
  await expect(store.record(batch(1))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringContaining('standby'),
  });
  await expect(store.removeBefore(0n)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

it("waits a limited time for another program's lock", async () => {
  const url = await newDatabase(server.url);
  const store = await started(url, { within: shortLimits });
  await store.record(batch(1));
  const lock = execute(url, 'begin; lock table message_ids in exclusive mode; select pg_sleep(20); commit');
  lock.catch(() => undefined);
  try {
    await expect(
      (async () => {
        for (;;) await store.record(batch(1));
      })(),
    ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('lock') });
  } finally {
    await server.psql(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> pg_backend_pid()`,
    );
  }
  await expect(lock).rejects.toThrow('terminat');
  expect(await store.record(batch(1))).toEqual({ recorded: 1, duplicates: 0 });
});

describe('a sample that cannot be stored', () => {
  it.each([
    ['a volume with too many digits', { volume: '1e200000' }],
    ['a volume that is not a number', { volume: 'much' }],
    ['a time beyond 64 bits', { timestamp: 2n ** 63n }],
    [
      'a resource id too long for any index',
      { resourceId: Array.from({ length: 9_000 }, () => Math.random().toString(36)).join('') },
    ],
  ])('because of %s makes its batch fail and leaves the store healthy', async (_, fields) => {
    const store = await started(await newDatabase(server.url));
    await expect(store.record([...batch(3), exampleSample(fields)])).rejects.toMatchObject({
      code: 'SAMPLE_INVALID',
    });
    expect(store.health()).toEqual({ ok: true });
    expect(await all(store)).toEqual([]);
    expect(await store.record(batch(3))).toEqual({ recorded: 3, duplicates: 0 });
  });
});

describe('a sample whose text is not JSON', () => {
  it.each(halfPairs)(
    'because it contains %s makes its batch fail and leaves the store healthy',
    async (_, half) => {
      const store = await started(await newDatabase(server.url));
      const impossible = withText(half);
      await expect(store.record([exampleSample(), impossible])).rejects.toMatchObject({
        code: 'SAMPLE_INVALID',
        message: expect.stringContaining(impossible.messageId),
      });
      expect(store.health()).toEqual({ ok: true });
      expect(await store.record([withText('\ud83d\ude42')])).toEqual({ recorded: 1, duplicates: 0 });
    },
  );
});

describe('TLS', () => {
  const at = (host: string, mode: string) =>
    changed((url) => {
      url.hostname = host;
      url.search = `sslmode=${mode}`;
    });
  const tls = () => ({ tls: { caFile: server.caFile ?? '' } });
  const encrypted = `select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name like 'nephoscope on %'`;

  it('connects to a server with the right name and certificate authority', async () => {
    const store = await started(at('localhost', 'verify-full'), tls());
    await store.recordedTimes();
    expect((await server.psql(encrypted)).trim().split('\n')).toEqual(expect.arrayContaining(['t']));
    expect(await server.psql(encrypted)).not.toContain('f');
  });

  it.each([
    ['with another authority', 'localhost', 'verify-full', false],
    ['with another authority, with any name', '127.0.0.1', 'verify-ca', false],
    ['with another name', '127.0.0.1', 'verify-full', true],
  ])('is refused with a server %s', async (_, host, mode, authority) => {
    await expect(storeAt(at(host, mode), authority ? tls() : {}).start(never)).rejects.toMatchObject({
      code: 'STORE_TLS',
      message: expect.stringContaining('tls.caFile'),
    });
  });

  it('accepts another name with verify-ca, and any certificate with require', async () => {
    await started(at('127.0.0.1', 'verify-ca'), tls());
    await started(at('127.0.0.1', 'require'));
  });

  it('reports a file that cannot be read', async () => {
    await expect(
      storeAt(at('localhost', 'verify-full'), { tls: { caFile: '/nowhere/ca.pem' } }).start(never),
    ).rejects.toMatchObject({ code: 'STORE_TLS', message: expect.stringContaining('/nowhere/ca.pem') });
  });

  it('is reported if the server does not support it', async () => {
    const plain = await startPostgresql();
    try {
      await expect(storeAt(`${plain.url}?sslmode=require`).start(never)).rejects.toMatchObject({
        code: 'STORE_TLS',
        message: expect.stringContaining('does not speak TLS'),
      });
    } finally {
      await plain.stop();
    }
  }, 60_000);
});

describe('an error of the server about a value', () => {
  it('is predicted before the query for the longest volumes, to the digit', async () => {
    const store = await started(await newDatabase(server.url));
    const held = [
      '1e131071',
      `${'9'.repeat(131_072)}.0`,
      '-1E-16383',
      '0.10e-16381',
      '0e-16383',
      '0e131072',
      '-0',
      '1e5',
    ];
    const tooLong = [
      '1e131072',
      `1${'0'.repeat(131_072)}`,
      '1e-16384',
      '0.10e-16382',
      '0e-16384',
      `0.${'0'.repeat(16_384)}`,
    ];
    const samples = held.map((volume) => exampleSample({ volume }));
    expect(await store.record(samples)).toEqual({ recorded: held.length, duplicates: 0 });
    expect((await all(store)).map(({ volume }) => volume).sort()).toEqual([...held].sort());
    for (const volume of tooLong) {
      await expect(store.record([exampleSample({ volume })])).rejects.toMatchObject({ code: 'SAMPLE_INVALID' });
      const cast = execute(server.url, `select '${volume}'::numeric`);
      await expect(cast).rejects.toMatchObject({ code: '22003' });
    }
  });

  it('is attributed to the sample only if the database accepts another sample', async () => {
    const url = await newDatabase(server.url);
    const store = await started(url);
    await store.record(batch(1));
    await execute(url, 'alter table samples alter column volume type numeric(5, 0)');
    await expect(store.record([exampleSample({ volume: '1000000' })])).rejects.toMatchObject({
      code: 'SAMPLE_INVALID',
      message: expect.stringContaining('the database takes other samples'),
    });
    expect(store.health()).toEqual({ ok: true });
    expect(await all(store)).toHaveLength(1);
    await execute(url, "select setval('samples_id_seq', 9223372036854775807)");
    await expect(store.record([exampleSample({ volume: '8' })])).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('sequence of ids is at its end'),
    });
    expect(store.health().ok).toBe(false);
    await execute(url, 'alter sequence samples_id_seq restart with 1000');
    expect(await store.record([exampleSample({ volume: '8' })])).toEqual({ recorded: 1, duplicates: 0 });
  });

  it('is attributed to the table if somebody added a constraint', async () => {
    const url = await newDatabase(server.url);
    const store = await started(url);
    await execute(url, 'alter table samples add constraint small check (volume < 5)');
    await expect(store.record([exampleSample({ volume: '7' })])).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('small'),
    });
  });
});
