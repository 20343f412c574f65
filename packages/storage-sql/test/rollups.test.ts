import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { SampleStore } from '@nephoscope/core/sample-store';

import { openDatabase } from '../src/sqlite/database.js';
import { never, rollupTests } from './rollups.js';
import { readerAt, storeAt } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-rollups-'));
const path = join(folder, 'samples.db');
const store = storeAt(path);
const reader = readerAt(path);
beforeAll(async () => {
  await store.start(never);
  await reader.start(never);
});
afterAll(async () => {
  await reader.stop();
  await store.stop();
  rmSync(folder, { recursive: true });
});

const tables = ['samples', 'rollups', 'rollup_series', 'rollup_owners', 'rollup_marks'];

function reset(): Promise<void> {
  const sqlite = openDatabase(path, 'writing');
  try {
    sqlite.exec('begin immediate');
    for (const table of tables) sqlite.exec(`delete from ${table}`);
    sqlite.exec('update rollup_state set rolled = null, turn = turn + 1');
    sqlite.exec('update retention set marked = null, removed = null');
    sqlite.exec('commit');
  } finally {
    sqlite.close();
  }
  return Promise.resolve();
}

function damage(): Promise<void> {
  const sqlite = openDatabase(path, 'writing');
  try {
    sqlite.exec(`delete from rollups where series in (select id from rollup_series where resource_id = 'db')
  and day = (select min(day) + 1 from rollups)`);
  } finally {
    sqlite.close();
  }
  return Promise.resolve();
}

async function another(): Promise<SampleStore> {
  const other = storeAt(path);
  await other.start(never);
  return other;
}

rollupTests(() => ({ store, reader, reset, damage, another }));
