import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { openDatabase } from '../src/sqlite/database.js';
import { Database } from '../src/sqlite/driver.js';
import { all, readerAt, realClock, storeAt } from './store-at.js';
import { waitUntil } from '../../../tools/testbed/processes.js';

/** Two batches of three resources, each recorded by a program of the previous version, which wrote each metadata text twice. */
const fixture = join(import.meta.dirname, 'fixtures', 'samples-0001.db');
const recordedAt = 1_795_348_800n * 1_000_000_000n;
const day = 86_400n * 1_000_000_000n;
const folder = mkdtempSync(join(tmpdir(), 'nephoscope-upgrade-'));
const path = join(folder, 'samples.db');
const store = storeAt(path, { ...realClock, now: () => recordedAt + 300n * day });
afterAll(async () => {
  await store.stop();
  rmSync(folder, { recursive: true });
});

function count(table: string): unknown {
  const database = new Database(path);
  try {
    return Object.values(database.prepare(`select count(*) from ${table}`).get() as object)[0];
  } finally {
    database.close();
  }
}

const figures = ({ resourceId, volume, sequence, text }: Sample) => {
  const { resource_metadata: metadata } = JSON.parse(text) as { readonly resource_metadata: unknown };
  return { resourceId, volume, sequence, metadata };
};

it('reads and writes a file of the previous version, and removes its repeated metadata with its samples', async () => {
  copyFileSync(fixture, path);
  await store.start(AbortSignal.timeout(20_000));
  const old = await all(store);
  expect(old.map(figures)).toEqual(
    [1, 2].flatMap((round) =>
      [0, 1, 2].map((at) => ({
        ...{ resourceId: `r${at}`, volume: `${round}.50`, sequence: BigInt(round) },
        metadata: { display_name: `vm-${at}` },
      })),
    ),
  );
  expect(old.map(({ messageId }) => messageId)).toContain('no uuid 2');
  expect(await store.record(old)).toEqual({ recorded: 0, duplicates: 6 });
  const next = exampleSample({
    ...{ resourceId: 'r0', volume: '3.50', sequence: 3n, timestamp: recordedAt + 200n * day },
    metadata: '{"display_name": "vm-0"}',
  });
  await store.record([next]);
  expect(await all(store)).toEqual([...old, next]);
  // Six old ones, and each of the three once more with a hash to find it by.
  expect([count('series'), count('metadata')]).toEqual([3n, 9n]);
  expect(await store.removedBefore()).toBeUndefined();
  expect(await store.removeBefore(recordedAt + 100n * day)).toBe(6);
  expect(await store.removedBefore()).toBe(recordedAt + 100n * day);
  expect(await all(store)).toEqual([next]);
  expect([count('series'), count('metadata')]).toEqual([1n, 1n]);
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe('a migration', () => {
  let other: string;
  beforeEach(() => {
    other = join(mkdtempSync(join(folder, 'migrated-')), 'samples.db');
  });
  const migrating = () => {
    for (const pid of readdirSync('/proc').map(Number))
      if (pid > 0 && pid !== process.pid && commandOf(pid).includes(other)) return pid;
    throw new Error('there is no process that migrates');
  };
  const version = () => {
    const database = new Database(other);
    try {
      return database.prepare('select count(*) as count from kysely_migration').get();
    } finally {
      database.close();
    }
  };
  const kills = async (kill: (signal: AbortController) => void) => {
    copyFileSync(fixture, other);
    const holder = openDatabase(other, 'writing');
    // It waits within SQLite, like a migration that takes long.
    holder.exec('begin immediate');
    const upgraded = storeAt(other);
    const stopped = new AbortController();
    const starting = upgraded.start(stopped.signal).then(
      () => 'started',
      (error: Error) => error.message,
    );
    await waitUntil('the upgrade is said to run', () =>
      JSON.stringify(upgraded.health()).includes('brought to the schema'),
    );
    kill(stopped);
    const outcome = await starting;
    holder.exec('rollback');
    holder.close();
    return { upgraded, outcome };
  };

  it('is killed when its program is stopped: nothing is changed, and the next start runs it again', async () => {
    const { upgraded, outcome } = await kills((stopped) => stopped.abort(new Error('told to stop')));
    expect(outcome).toBe('told to stop');
    expect(version()).toEqual({ count: 1n });
    await upgraded.start(AbortSignal.timeout(20_000));
    expect(await all(upgraded)).toHaveLength(6);
    await upgraded.stop();
    expect(version()).toEqual({ count: 6n });
  });

  it('that ends by a signal is reported, and the next start runs it again', async () => {
    // As the kernel does when memory is exhausted.
    const { upgraded, outcome } = await kills(() => process.kill(migrating(), 'SIGKILL'));
    expect(outcome).toMatch(/its migration ended with SIGKILL/);
    await upgraded.start(AbortSignal.timeout(20_000));
    expect(await all(upgraded)).toHaveLength(6);
    await upgraded.stop();
  });
});

describe('a reader', () => {
  const asked = join(folder, 'asked', 'samples.db');
  const start = (file: string) => readerAt(file).start(AbortSignal.timeout(20_000));

  it('reports that there is no database, and creates neither file nor folder', async () => {
    await expect(start(asked)).rejects.toMatchObject({
      code: 'STORE_MISSING',
      message: expect.stringContaining(asked) as string,
    });
    expect(readdirSync(folder)).not.toContain('asked');
  });

  it('reports a file without tables, or of an older version, and does not change it', async () => {
    const empty = join(folder, 'empty.db');
    writeFileSync(empty, '');
    await expect(start(empty)).rejects.toMatchObject({ code: 'STORE_MISSING' });
    const older = join(folder, 'older.db');
    copyFileSync(fixture, older);
    await expect(start(older)).rejects.toMatchObject({ code: 'STORE_SCHEMA_OLDER' });
    const database = new Database(older);
    try {
      const made = database.prepare('select name from kysely_migration').all();
      expect(made).toEqual([{ name: '0001_samples' }]);
    } finally {
      database.close();
    }
  });
});
