import type { SampleReader, SampleStore } from '@nephoscope/core/sample-store';

import { rollupTests } from '../rollups.js';
import { dropDatabase, execute, never, newDatabase, readerAt, storeAt } from './support.js';
import type { StoreAt } from './support.js';

let url: string;
let store: StoreAt;
let reader: SampleReader;
beforeAll(async () => {
  url = await newDatabase();
  store = storeAt(url);
  await store.start(never);
  reader = readerAt(url);
  await reader.start(never);
}, 60_000);
afterAll(async () => {
  await reader.stop();
  await store.stop();
  await dropDatabase(url);
});

const tables = ['samples', 'message_ids', 'rollups', 'rollup_series', 'rollup_owners', 'rollup_marks'];

async function reset(): Promise<void> {
  await execute(
    url,
    `${tables.map((table) => `delete from ${table};`).join(' ')}
    update rollup_state set rolled = null, turn = turn + 1;
    update retention set marked = null, removed = null`,
  );
}

async function damage(): Promise<void> {
  await execute(
    url,
    `delete from rollups where series in (select id from rollup_series where resource_id = 'db')
  and day = (select min(day) + 1 from rollups)`,
  );
}

async function another(): Promise<SampleStore> {
  const other = storeAt(url);
  await other.start(never);
  return other;
}

rollupTests(() => ({ store, reader, reset, damage, another }));
