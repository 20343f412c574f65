import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ThreadReader } from '../src/sqlite/reading/thread-reader.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { exampleSample } from '@nephoscope/testing';
import { storeAt } from './store-at.js';

/** Runs as long as somebody waits for its result. */
const endless =
  'with recursive n(i) as (select 1 union all select i + 1 from n where is_wanted(i) = 1) select count(*) as count from n';
const never = new AbortController().signal;

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-'));
const path = join(folder, 'samples.db');
let reader: ThreadReader;

beforeAll(async () => {
  const store = storeAt(path);
  await store.start(never);
  await store.record([exampleSample()]);
  await store.stop();
});

afterEach(() => reader.end());
afterAll(() => rmSync(folder, { recursive: true }));

it('ends a query that was aborted, and answers the next one', async () => {
  reader = new ThreadReader(path);
  const files = await reader.open(never);
  const caller = new AbortController();
  const asked = reader.query(files, endless, [], caller.signal);
  // When the query runs.
  setTimeout(() => caller.abort(new Error('gone')), 100);
  await expect(asked).rejects.toThrow('gone');
  expect(await reader.query(files, 'select 1 as one', [], never)).toEqual([{ one: 1n }]);
});

it('continues with the files that an earlier thread opened', async () => {
  // Otherwise the log would be removed with the last connection.
  const other = new ThreadReader(path);
  await other.open(never);
  const before = new ThreadReader(path);
  const files = await before.open(never);
  await before.end();
  reader = new ThreadReader(path);
  expect(await reader.query(files, 'select 1 as one', [], never)).toEqual([{ one: 1n }]);
  await other.end();
});

it('ends a query that takes too long, together with its thread', async () => {
  reader = new ThreadReader(path, undefined, 3_000);
  const files = await reader.open(never);
  await expect(reader.query(files, endless, [], never)).rejects.toThrow('has not answered a query for 3 s');
  await waitUntil('the thread is over', () => reader.ended);
});
