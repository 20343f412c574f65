import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Clock } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';
import { DatabaseSync } from '@photostructure/sqlite';
import { sql } from 'kysely';

import { bundle } from '../../../tools/testbed/bundle.js';
import { openSqlite } from '../src/sqlite/connection.js';
import { Database } from '../src/sqlite/driver.js';
import { halfPairs, withText } from './half-pairs.js';
import { all, realClock, storeAt } from './store-at.js';
import type { StoreAt } from './store-at.js';

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
const running: StoreAt[] = [];
const mounted: string[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((store) => store.stop()));
  // Lazily, because the driver closes its descriptors only when their statements have been collected.
  for (const place of mounted.splice(0)) execFileSync('umount', ['--lazy', place]);
});
afterAll(() => rmSync(folder, { recursive: true }));

let places = 0;
const newPath = () => join(folder, `${++places}.db`);

async function started(path: string, clock?: Clock): Promise<StoreAt> {
  const store = storeAt(path, clock);
  running.push(store);
  await store.start(never);
  return store;
}

/** An empty, separate file system of a few megabytes. */
function smallDisk(): string {
  const place = join(folder, `disk-${++places}`);
  mkdirSync(place);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', place]);
  mounted.push(place);
  return place;
}

/** Uses all space of the disk except `spare` bytes. */
function fill(disk: string, spare: number): string {
  const { bavail, bsize } = statfsSync(disk);
  const filler = join(disk, 'filler');
  writeFileSync(filler, Buffer.alloc(bavail * bsize - spare));
  return filler;
}

const batch = (count: number): Sample[] =>
  Array.from({ length: count }, (_, at) =>
    exampleSample({ sequence: BigInt(at), metadata: `{"pad": "${'x'.repeat(900)}${at}"}` }),
  );

describe('a full disk', () => {
  it('refuses the batch as a whole, and accepts it when there is space again', async () => {
    const disk = smallDisk();
    const path = join(disk, 'samples.db');
    const store = await started(path);
    const [before, refused] = [batch(10), batch(500)];
    await store.record(before);
    const filler = fill(disk, 100_000);

    await expect(store.record(refused)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: `the disk of ${path} is full: free space there; what was not recorded can be offered again`,
    });
    expect(store.health()).toEqual({ ok: false, reason: expect.stringContaining('is full') });
    expect(await all(store)).toEqual(before);

    rmSync(filler);
    expect(await store.record(refused)).toEqual({ recorded: 500, duplicates: 0 });
    expect(store.health()).toEqual({ ok: true });
    expect(await all(store)).toEqual([...before, ...refused]);
  });

  it('makes the start fail, and a later start succeeds when there is space again', async () => {
    const disk = smallDisk();
    const filler = fill(disk, 0);
    const store = storeAt(join(disk, 'samples.db'));
    running.push(store);
    await expect(store.start(never)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(store.health().ok).toBe(false);
    rmSync(filler);
    await store.start(never);
    expect(await store.record(batch(3))).toEqual({ recorded: 3, duplicates: 0 });
  });
});

describe('a path that cannot be written', () => {
  it.each(['samples.db', 'new/folder/samples.db'])('is reported: %s on a read-only file system', async (file) => {
    const disk = smallDisk();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const store = storeAt(join(disk, file));
    await expect(store.start(never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(disk),
    });
    expect(store.health()).toMatchObject({ ok: false, reason: expect.stringContaining(disk) });
  });

  it('is reported even if a database was written there before', async () => {
    const disk = smallDisk();
    const path = join(disk, 'samples.db');
    // As a backup leaves it: the file alone, with no connection to it.
    const program = await bundle(new URL('record-batches.ts', import.meta.url));
    execFileSync(process.execPath, [program, path, '1']);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const store = storeAt(path);
    await expect(store.start(never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(path),
    });
  });

  it('is reported if it is a folder', async () => {
    const path = newPath();
    mkdirSync(path);
    await expect(storeAt(path).start(never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(`${path} cannot be opened`),
    });
  });

  it('is reported if it is in a folder where nothing can be created', async () => {
    await expect(storeAt('/proc/nowhere/samples.db').start(never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('/proc/nowhere/samples.db'),
    });
  });

  it('is reported if one of its folders is a file', async () => {
    const path = newPath();
    writeFileSync(path, '');
    await expect(storeAt(join(path, 'samples.db')).start(never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});

describe('a foreign file', () => {
  it('is refused if it is not a database', async () => {
    const path = newPath();
    writeFileSync(path, 'interval = 600\n'.repeat(1000));
    await expect(storeAt(path).start(never)).rejects.toMatchObject({
      code: 'STORE_INVALID',
      message: expect.stringContaining(`${path} is no SQLite database`),
    });
  });

  it("is refused if it holds another program's tables, which are not changed", async () => {
    const path = newPath();
    const other = new Database(path);
    other.exec('create table accounts (id integer)');
    await expect(storeAt(path).start(never)).rejects.toMatchObject({
      code: 'STORE_INVALID',
      message: expect.stringContaining('accounts'),
    });
    expect(other.prepare("select name from sqlite_master where type = 'table'").all()).toMatchObject([
      { name: 'accounts' },
    ]);
    other.close();
  });

  it('is refused if its schema is newer', async () => {
    const path = newPath();
    await (await started(path)).stop();
    const newer = new Database(path);
    newer.exec("insert into kysely_migration (name, timestamp) values ('0099_better', '2030')");
    newer.close();
    await expect(storeAt(path).start(never)).rejects.toMatchObject({
      code: 'STORE_SCHEMA_NEWER',
      message: expect.stringContaining('0099_better'),
    });
  });

  it('is refused if it is damaged', async () => {
    const path = newPath();
    const store = await started(path);
    await store.record(batch(200));
    await store.stop();
    const broken = new DatabaseSync(path);
    broken.enableDefensive(false);
    broken.exec("pragma writable_schema = on; update sqlite_master set rootpage = 999999 where name = 'samples'");
    broken.close();
    const again = storeAt(path);
    running.push(again);
    await expect(again.start(never).then(() => all(again))).rejects.toMatchObject({
      code: 'STORE_INVALID',
      message: expect.stringContaining(`${path} is damaged`),
    });
  });
});

describe('a database that another program has locked', () => {
  it('is reported after five seconds, and recording continues when the lock is released', async () => {
    const path = newPath();
    let now = 0n;
    const clock: Clock = {
      ...realClock,
      monotonic: () => (now += 1_000_000_000n),
      sleep: () => Promise.resolve(),
    };
    const store = await started(path, clock);
    const other = new Database(path);
    other.exec('begin immediate');
    await expect(store.record(batch(1))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('is locked by another program'),
    });
    expect(now).toBeGreaterThan(5_000_000_000n);
    expect(store.health().ok).toBe(false);
    expect(await all(store)).toEqual([]);
    other.exec('rollback');
    expect(await store.record(batch(1))).toEqual({ recorded: 1, duplicates: 0 });
    other.close();
  });

  it('is waited for without blocking the program', async () => {
    const path = newPath();
    const other = new Database(path);
    let waits = 0;
    const sleep = () => {
      if (++waits === 3) other.exec('commit');
      return Promise.resolve();
    };
    const store = await started(path, { ...realClock, sleep });
    other.exec('begin immediate');
    expect(await store.record(batch(1))).toEqual({ recorded: 1, duplicates: 0 });
    expect(waits).toBe(3);
    other.close();
  });
});

it('a batch that waits for a lock fails when the store is stopped, and its samples stay with the caller', async () => {
  const path = newPath();
  let waits = 0;
  let stopped: Promise<void> | undefined;
  const store = await started(path, {
    ...realClock,
    // The wait never exceeds its limit.
    monotonic: () => 0n,
    sleep: async () => {
      if (++waits === 3) stopped = store.stop();
      await new Promise(setImmediate);
    },
  });
  const other = new Database(path);
  other.exec('begin immediate');
  await expect(store.record(batch(1))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringContaining('is locked by another program'),
  });
  await stopped;
  expect(waits).toBe(3);
  other.close();
});

describe('a sample that no store can hold', () => {
  it('is named, and the store stays healthy', async () => {
    const store = await started(newPath());
    const impossible = exampleSample({ timestamp: 2n ** 63n });
    await expect(store.record([exampleSample(), impossible])).rejects.toMatchObject({
      code: 'SAMPLE_INVALID',
      message: expect.stringContaining(impossible.messageId),
    });
    expect(store.health()).toEqual({ ok: true });
    expect(await all(store)).toEqual([]);
  });

  it.each(halfPairs)('is one whose text contains %s', async (_, half) => {
    const store = await started(newPath());
    const impossible = withText(half);
    await expect(store.record([exampleSample(), impossible])).rejects.toMatchObject({
      code: 'SAMPLE_INVALID',
      message: expect.stringContaining(impossible.messageId),
    });
    expect(store.health()).toEqual({ ok: true });
    expect(await store.record([withText('\ud83d\ude42')])).toEqual({ recorded: 1, duplicates: 0 });
  });
});

describe('a migration that fails', () => {
  it('reports the reason if SQLite has already ended its transaction', async () => {
    const { db, sqlite } = openSqlite(newPath());
    const work = db.transaction().execute(async (transaction) => {
      await sql`rollback`.execute(transaction);
      throw new Error('the cause');
    });
    await expect(work).rejects.toThrow('the cause');
    sqlite.close();
  });
});

it('writes its log back to the database when it is stopped', async () => {
  const path = newPath();
  const store = await started(path);
  await store.record(batch(100));
  await store.stop();
  const sizes = execFileSync('stat', [
    '--format=%s',
    ...readdirSync(folder)
      .filter((name) => name === `${places}.db-wal`)
      .map((name) => join(folder, name)),
    path,
  ]);
  expect(sizes.toString()).not.toBe('');
  const copy = newPath();
  execFileSync('cp', [path, copy]);
  expect(await all(await started(copy))).toHaveLength(100);
});
