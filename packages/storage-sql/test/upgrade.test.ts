import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core';
import { exampleSample } from '@nephoscope/testing';

import { Database } from '../src/sqlite/driver.js';
import { all } from './lifetimes.js';
import { realClock, storeAt } from './store-at.js';

/** Two batches of three resources, each recorded by a program of the version before: it wrote each metadata text twice. */
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

it('a file of the version before is read and written, and its repeated metadata go with its samples', async () => {
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
  // Six of before, and each of the three once more with what may be found again.
  expect([count('series'), count('metadata')]).toEqual([3n, 9n]);
  expect(await store.removeBefore(recordedAt + 100n * day)).toBe(6);
  expect(await all(store)).toEqual([next]);
  expect([count('series'), count('metadata')]).toEqual([1n, 1n]);
});
