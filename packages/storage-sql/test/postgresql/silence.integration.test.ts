import { NephoscopeError } from '@nephoscope/core';
import { exampleSample } from '@nephoscope/testing';
import pg from 'pg';

import { PostgresqlProxy } from '../../../../tools/testbed/postgresql-proxy.js';
import { waitUntil } from '../../../../tools/testbed/processes.js';
import { batch, dropDatabase, execute, limits, never, newDatabase, read, readerAt, storeAt } from './support.js';
import type { StoreAt } from './support.js';

const unavailable = { code: 'STORE_UNAVAILABLE' };
/** The usual limits, except that silence is noticed at once. */
const attentive = { ...limits, silence: 200 };
const week = 604_800_000_000_000n;
const now = () => BigInt(Date.now()) * 1_000_000n;

let url: string;
let proxy: PostgresqlProxy;
const stores: StoreAt[] = [];
const clients: pg.Client[] = [];
beforeEach(async () => {
  url = await newDatabase();
  proxy = await PostgresqlProxy.open(Number(new URL(url).port));
});
afterEach(async () => {
  await Promise.all([
    ...stores.splice(0).map((store) => store.stop()),
    ...clients.splice(0).map((one) => one.end()),
  ]);
  await proxy.close();
  await dropDatabase(url);
});

async function started(at: string, within = attentive): Promise<StoreAt> {
  const store = storeAt(at, { within });
  stores.push(store);
  await store.start(never);
  return store;
}

async function client(name = 'another program'): Promise<pg.Client> {
  const one = new pg.Client({ connectionString: url, application_name: name });
  clients.push(one);
  await one.connect();
  return one;
}

describe('a connection that loses packets', () => {
  it('is noticed long before a reading times out, and the next reading uses a new one', async () => {
    const direct = await started(url);
    await direct.record(batch(3_000));
    const reader = readerAt(proxy.url(url), attentive);
    await reader.start(never);
    const stream = reader.samples({ scope: 'all' }, never)[Symbol.asyncIterator]();
    await stream.next();
    proxy.silence();
    const rest = async () => {
      while ((await stream.next()).done !== true);
    };
    await expect(rest()).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining('did not come'),
    });
    expect(reader.health().ok).toBe(false);
    expect(await read(reader)).toHaveLength(3_000);
    await reader.stop();
  });

  it('leaves no locks behind: those of the lost session are released', async () => {
    const store = await started(proxy.url(url));
    proxy.silenceAt('lock table samples_other');
    const samples = batch(10);
    await expect(store.record(samples)).rejects.toMatchObject(unavailable);
    expect(await store.record(samples)).toEqual({ recorded: 10, duplicates: 0 });
  });

  it('does not interrupt a statement that the server is executing, however long it takes', async () => {
    const store = await started(proxy.url(url), { ...attentive, silence: 50 });
    const other = await client();
    await other.query('begin; lock table samples in access exclusive mode');
    const recorded = store.record(batch(3));
    const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await waitUntil('the batch waits', async () => (await execute(url, waits)).length > 0);
    const looked = `select backend_start from pg_stat_activity where query like '%wait_event_type%' limit 1`;
    await other.query(looked);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await other.query('commit');
    expect(await recorded).toEqual({ recorded: 3, duplicates: 0 });
  });

  it.each([
    'pg_advisory_lock',
    'create table "message_ids"',
    'create table message_ids',
    'select relname as name',
  ])('during the start (%s) is noticed, and the next start succeeds', async (text) => {
    const store = storeAt(proxy.url(url), { within: attentive });
    stores.push(store);
    proxy.silenceAt(text);
    const outcome = await store.start(never).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(outcome).toEqual(proxy.isArmed ? undefined : expect.objectContaining(unavailable));
    await store.start(never);
    expect(await store.record(batch(2))).toEqual({ recorded: 2, duplicates: 0 });
  });
});

describe('a lock that another program holds', () => {
  it('is reported with its holder if a batch could not get it', async () => {
    const store = await started(url, { ...attentive, statement: 1_500 });
    const other = await client('a report on db-7');
    await other.query('begin; lock table samples in access exclusive mode');
    await expect(store.record(batch(3))).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringMatching(
        /'a report on db-7' \(process \d+ of the server, user nephoscope.*idle in transaction/,
      ),
    });
    await other.query('rollback');
    expect(await store.record(batch(3))).toEqual({ recorded: 3, duplicates: 0 });
  });

  it('is reported if a start could not get it; if the holder is a Nephoscope program, with its host and process', async () => {
    const other = await client(`nephoscope on gone-1, process 4711`);
    await other.query('select pg_advisory_lock(7301001)');
    const store = storeAt(url, { within: { ...attentive, statement: 1_500 } });
    await expect(store.start(never)).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining('nephoscope on gone-1, process 4711'),
    });
  });

  it('makes a removal fail instead of returning 0', async () => {
    const store = await started(url);
    const samples = [0n, 1n].map((at) => exampleSample({ timestamp: now() - 10n * week + at }));
    await store.record(samples);
    const other = await client('nephoscope on two, process 2');
    // Another removal that does not end.
    await other.query('select pg_advisory_lock(7301003)');
    const attentiveStore = storeAt(url, { clock: fastClock(), within: attentive });
    stores.push(attentiveStore);
    await attentiveStore.start(never);
    await expect(attentiveStore.removeBefore(now() - 8n * week)).rejects.toMatchObject({
      code: 'STORE_BUSY',
      message: expect.stringContaining('nephoscope on two, process 2'),
    });
    expect(attentiveStore.health()).toEqual({ ok: true });
    // A transaction that reads the table.
    await other.query('select pg_advisory_unlock(7301003); begin; select count(*) from samples');
    const failure: unknown = await attentiveStore.removeBefore(now() - 8n * week).catch((error: unknown) => error);
    expect(failure).toMatchObject(unavailable);
    expect((failure as Error).message).toContain("in use by 'nephoscope on two, process 2'");
    await other.query('commit');
    expect(await store.removeBefore(now() - 8n * week)).toBe(2);
  }, 60_000);

  it('delays a removal, which then removes the rest', async () => {
    const store = await started(url);
    await store.record([exampleSample({ timestamp: now() - 10n * week })]);
    const other = await client();
    await other.query('select pg_advisory_lock(7301003)');
    const removed = store.removeBefore(now() - 8n * week);
    await other.query('select pg_advisory_unlock(7301003)');
    expect(await removed).toBe(1);
  });
});

describe('a session', () => {
  it('names the program it belongs to', async () => {
    const store = await started(url);
    await store.record(batch(1));
    const writer = await client();
    const [row] = (
      await writer.query<{ application_name: string }>(
        `select application_name from pg_stat_activity where application_name like 'nephoscope on%' and datname = current_database()`,
      )
    ).rows;
    expect(row?.application_name).toBe(`nephoscope on test, process ${process.pid}`);
  });
});

describe('a store that is stopped', () => {
  const stopped = async (store: StoreAt) => {
    const start = performance.now();
    await store.stop();
    return (performance.now() - start) / 1_000;
  };

  it('ends a batch, a reading and a removal that wait for a lock', async () => {
    const store = await started(url);
    await store.record(batch(5));
    const reader = readerAt(url, attentive);
    await reader.start(never);
    const other = await client();
    await other.query('begin; lock table samples, retention in access exclusive mode');
    const work = [store.record(batch(5)), read(reader), store.removeBefore(now())].map((promise) =>
      promise.catch((error: unknown) => error),
    );
    const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await waitUntil('they wait', async () => (await execute(url, waits)).length === 3);
    expect(await stopped(store)).toBeLessThan(5);
    await reader.stop();
    for (const outcome of await Promise.all(work)) expect(outcome).toMatchObject(unavailable);
    // The sessions on the server end, too.
    await waitUntil('nothing waits any more', async () => (await execute(url, waits)).length === 0);
  });

  it('during its start makes the start fail with the given reason, whether it waits for a lock or for a silent server', async () => {
    const other = await client();
    await other.query('select pg_advisory_lock(7301001)');
    for (const isSilent of [false, true]) {
      const store = storeAt(proxy.url(url), { within: limits });
      const stop = new AbortController();
      if (isSilent) proxy.silenceAt('server_version_num');
      const start = store.start(stop.signal).catch((error: unknown) => error);
      const there = `select 1 from pg_stat_activity where datname = current_database() and application_name like 'nephoscope on%'`;
      await waitUntil(
        'it waits',
        async () => (await execute(url, there)).length > 0 && (!isSilent || !proxy.isArmed),
      );
      const reason = new NephoscopeError('STOPPED', 'stopped');
      stop.abort(reason);
      expect(await start).toBe(reason);
      expect(await stopped(store)).toBeLessThan(5);
    }
  });
});

/** Pauses end at once. */
function fastClock() {
  return { now, monotonic: () => process.hrtime.bigint(), sleep: () => Promise.resolve() };
}
