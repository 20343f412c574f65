import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { jest } from '@jest/globals';
import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { Database } from '../src/sqlite/driver.js';
import { all, storeAt } from './store-at.js';
import type { StoreAt } from './store-at.js';

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'nephoscope-files-'));
const running: StoreAt[] = [];

afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(running.splice(0).map((store) => store.stop()));
});
afterAll(() => rmSync(folder, { recursive: true }));

let places = 0;
/** In a new folder. */
function newPath(): string {
  const place = join(folder, `${++places}`);
  mkdirSync(place);
  return join(place, 'samples.db');
}

async function started(path: string): Promise<StoreAt> {
  const store = storeAt(path);
  running.push(store);
  await store.start(never);
  return store;
}

const batch = (count: number): Sample[] =>
  Array.from({ length: count }, (_, at) => exampleSample({ sequence: BigInt(at), resourceId: `r${at % 7}` }));

const ids = (samples: readonly Sample[]) => samples.map(({ messageId }) => messageId).sort();

/** What the next program reads from the file. */
async function found(path: string): Promise<readonly string[]> {
  const store = storeAt(path);
  await store.start(never);
  try {
    return ids(await all(store));
  } finally {
    await store.stop();
  }
}

/** As an operator backs up the file while the program runs. */
function backUp(path: string): string {
  const backup = join(dirname(path), `backup-${++places}.db`);
  const database = new Database(path);
  database.exec(`vacuum into '${backup}'`);
  database.close();
  return backup;
}

const unavailable = (text: string) => ({
  code: 'STORE_UNAVAILABLE',
  message: expect.stringContaining(text),
});

describe('a file that is removed while it is open', () => {
  it.each([
    ['alone', (path: string) => rmSync(path)],
    ['with its log', (path: string) => ['', '-wal', '-shm'].forEach((part) => rmSync(path + part))],
    ['with its folder', (path: string) => rmSync(dirname(path), { recursive: true })],
  ])('%s: nothing more is recorded, and the next program creates an empty file', async (_, remove) => {
    const path = newPath();
    const store = await started(path);
    await store.record(batch(10));
    remove(path);
    expect(store.health()).toEqual({ ok: false, reason: expect.stringContaining(`${path} was removed`) });
    const refused = batch(10);
    await expect(store.record(refused)).rejects.toMatchObject(unavailable(`${path} was removed`));
    await expect(store.removeBefore(2n ** 62n)).rejects.toMatchObject(unavailable(`${path} was removed`));
    expect(store.health().ok).toBe(false);
    await store.stop();
    expect(await found(path)).toEqual([]);
    const next = await started(path);
    expect(await next.record(refused)).toEqual({ recorded: 10, duplicates: 0 });
  });

  it('before the first batch: the batch is refused', async () => {
    const path = newPath();
    const store = await started(path);
    rmSync(path);
    await expect(store.record(batch(1))).rejects.toMatchObject(unavailable('was removed'));
    expect(existsSync(path)).toBe(false);
  });

  it('and put back: recording continues', async () => {
    const path = newPath();
    const store = await started(path);
    const [before, after] = [batch(10), batch(10)];
    await store.record(before);
    renameSync(path, `${path}.away`);
    await expect(store.record(after)).rejects.toMatchObject(unavailable('was removed'));
    renameSync(`${path}.away`, path);
    expect(store.health().ok).toBe(false);
    expect(await store.record(after)).toEqual({ recorded: 10, duplicates: 0 });
    expect(store.health()).toEqual({ ok: true });
    await store.stop();
    expect(await found(path)).toEqual(ids([...before, ...after]));
  });

  it('between a batch and its acknowledgement: the batch is not acknowledged', async () => {
    const path = newPath();
    const store = await started(path);
    await store.record(batch(10));
    const { postMessage } = Worker.prototype;
    jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, ...message) {
      // After the check that precedes the transaction.
      if ((message[0] as { kind: string }).kind === 'write') rmSync(path);
      postMessage.apply(this, message);
    });
    await expect(store.record(batch(10))).rejects.toMatchObject(unavailable('was removed'));
  });

  it('and moved elsewhere still contains everything that was acknowledged', async () => {
    const path = newPath();
    const store = await started(path);
    const before = batch(100);
    await store.record(before);
    renameSync(path, `${path}.away`);
    await expect(store.record(batch(1))).rejects.toMatchObject(unavailable('was removed'));
    // Without its log, which stayed at the old place.
    copyFileSync(`${path}.away`, `${path}.copy`);
    expect(await found(`${path}.copy`)).toEqual(ids(before));
  });
});

describe('a file that is replaced by another while it is open', () => {
  it("is used from then on, and nothing of the old file's log gets into it", async () => {
    const path = newPath();
    const store = await started(path);
    const [before, lost, after, last] = [batch(10), batch(500), batch(10), batch(10)];
    await store.record(before);
    const backup = backUp(path);
    await store.record(lost);
    renameSync(backup, path);
    expect(store.health()).toEqual({ ok: false, reason: `${path} was replaced while it was open` });
    expect(await store.record(after)).toEqual({ recorded: 10, duplicates: 0 });
    expect(store.health()).toEqual({ ok: true });
    expect(ids(await all(store))).toEqual(ids([...before, ...after]));
    expect(await store.record(last)).toEqual({ recorded: 10, duplicates: 0 });
    await store.stop();
    expect(await found(path)).toEqual(ids([...before, ...after, ...last]));
    const database = new Database(path);
    expect(database.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    database.close();
  });

  it('is used from then on, even several times in a row', async () => {
    const path = newPath();
    const store = await started(path);
    let expected: readonly Sample[] = batch(5);
    await store.record(expected);
    for (let round = 0; round < 3; round++) {
      renameSync(backUp(path), path);
      const next = batch(5);
      expect(await store.record(next)).toEqual({ recorded: 5, duplicates: 0 });
      expected = [...expected, ...next];
    }
    await store.stop();
    expect(await found(path)).toEqual(ids(expected));
  });

  it('is left unchanged if the program ends then', async () => {
    const path = newPath();
    const store = await started(path);
    const before = batch(10);
    await store.record(before);
    const backup = backUp(path);
    await store.record(batch(500));
    renameSync(backup, path);
    await store.stop();
    expect(await found(path)).toEqual(ids(before));
  });

  it('is reported as long as it is not a database, and used when it is one', async () => {
    const path = newPath();
    const store = await started(path);
    const [before, after] = [batch(10), batch(10)];
    await store.record(before);
    const backup = backUp(path);
    copyFileSync('/etc/passwd', `${path}.other`);
    renameSync(`${path}.other`, path);
    for (let round = 0; round < 2; round++)
      await expect(store.record(after)).rejects.toMatchObject({ code: 'STORE_INVALID' });
    expect(store.health().ok).toBe(false);
    renameSync(backup, path);
    expect(await store.record(after)).toEqual({ recorded: 10, duplicates: 0 });
    await store.stop();
    expect(await found(path)).toEqual(ids([...before, ...after]));
  });
});

it.each(['-wal', '-shm'])(
  'a removed %s: nothing is acknowledged any more, and nothing acknowledged before is lost',
  async (part) => {
    const path = newPath();
    const store = await started(path);
    const before = batch(100);
    await store.record(before);
    rmSync(path + part);
    expect(store.health().ok).toBe(false);
    await expect(store.record(batch(1))).rejects.toMatchObject(
      unavailable(`the log of ${path} (-wal, -shm) was removed or replaced`),
    );
    // A copy stands for a program that ended without closing anything.
    copyFileSync(path, `${path}.copy`);
    expect(await found(`${path}.copy`)).toEqual(ids(before));
    await store.stop();
    expect(await found(path)).toEqual(ids(before));
  },
);

it('reopens a file that was read-only when it was opened, as soon as it can be written', async () => {
  const [origin, path] = [newPath(), newPath()];
  await (await started(origin)).stop();
  // A copy, because SQLite would reuse the writable descriptor of the first file, which it keeps until a garbage collection.
  copyFileSync(origin, path);
  // Root may write a file of any mode, but not one on a read-only mount.
  execFileSync('mount', ['--bind', path, path]);
  execFileSync('mount', ['-o', 'remount,bind,ro', path]);
  let isMounted = true;
  const repair = () => {
    if (isMounted) execFileSync('umount', ['--lazy', path]);
    isMounted = false;
  };
  try {
    expect(() => openSync(path, 'r+')).toThrow('EROFS');
    const store = await started(path);
    const samples = batch(10);
    await expect(store.record(samples)).rejects.toMatchObject(unavailable(`${path} cannot be written`));
    expect(store.health().ok).toBe(false);
    repair();
    expect(await store.record(samples)).toEqual({ recorded: 10, duplicates: 0 });
    expect(store.health()).toEqual({ ok: true });
    await store.stop();
    expect(await found(path)).toEqual(ids(samples));
  } finally {
    repair();
  }
});
