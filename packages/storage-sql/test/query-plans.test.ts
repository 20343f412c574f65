import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jest } from '@jest/globals';
import type { SampleFilter } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { openDatabase, openToRead } from '../src/sqlite/database.js';
import { Database } from '../src/sqlite/driver.js';
import { ThreadReader } from '../src/sqlite/reading/thread-reader.js';
import { RowWriter } from '../src/sqlite/row-writer.js';
import { all, readerAt, storeAt } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-plans-'));
const path = join(folder, 'samples.db');
const store = storeAt(path);
const reader = readerAt(path);
const never = new AbortController().signal;
const start = 1_700_000_000_000_000_000n;
/** A resource has few enough series, and a meter too many, for a page to be merged from those of each series. */
const resources = 40;
const meters = 25;

beforeAll(async () => {
  await store.start(AbortSignal.timeout(10_000));
  await reader.start(AbortSignal.timeout(10_000));
  await store.record(
    Array.from({ length: resources * meters }, (_, at) =>
      exampleSample({
        resourceId: `r${Math.floor(at / meters)}`,
        meter: `m${at % meters}`,
        timestamp: start + BigInt(at) * 1_000_000_000n,
        sequence: BigInt(at),
      }),
    ),
  );
});
afterAll(async () => {
  await reader.stop();
  await store.stop();
  rmSync(folder, { recursive: true });
});

/** How SQLite accesses `samples`, or other tables, in the statements that the work prepares, one line for each access. */
async function accesses(
  work: () => Promise<unknown>,
  tables = /^(SCAN|SEARCH) (s|samples)\b/,
): Promise<readonly string[]> {
  const prepare = jest.spyOn(Database.prototype, 'prepare');
  const query = jest.spyOn(ThreadReader.prototype, 'query');
  await work();
  const statements = [...prepare.mock.calls.map(([text]) => text), ...query.mock.calls.map(([, text]) => text)];
  prepare.mockRestore();
  query.mockRestore();
  const database = openToRead(path, () => true);
  try {
    return statements
      .flatMap((text) => database.prepare(`explain query plan ${text}`).all() as { readonly detail: string }[])
      .map(({ detail }) => detail)
      .filter((detail) => tables.test(detail));
  } finally {
    database.close();
  }
}

async function page(filter: Partial<SampleFilter>, newestFirst = false): Promise<number> {
  return (await all(store, { ...filter, newestFirst, limit: 100 })).length;
}

async function resourcesOf(filter: Partial<SampleFilter>): Promise<number> {
  let count = 0;
  for await (const _ of reader.resources({ scope: 'all', ...filter }, never)) count += 1;
  return count;
}

/** In this thread, not in the thread of a store. */
function removeBefore(time: bigint): Promise<number> {
  const database = openDatabase(path, 'writing');
  try {
    return Promise.resolve(new RowWriter(database).removeBefore(time, 0n, 10, time));
  } finally {
    database.close();
  }
}

const ofSeries = /^SEARCH s USING COVERING INDEX samples_by_series \(<expr>=\? AND series_id=\?/;
const byTime = /^SEARCH s(amples)? USING (COVERING )?INDEX samples_by_time \(timestamp[<>]\?/;
/** The rows that were found, and the first and last of all rows. */
const byId = /^SEARCH (s|samples)( USING INTEGER PRIMARY KEY \(rowid=\?\))?$/;

test.each<[string, RegExp, () => Promise<unknown>]>([
  ['a page of few series', ofSeries, () => page({ resources: ['r7'] })],
  ['the newest of few series', ofSeries, () => page({ resources: ['r7'], start, end: start + 10n ** 12n }, true)],
  ['a page of all samples', byTime, () => page({})],
  ['a page of many series', byTime, () => page({ meters: ['m3'], start: start + 5n })],
  ['the newest of many series', byTime, () => page({ meters: ['m3'], end: start + 10n ** 12n }, true)],
  ['meters', ofSeries, () => reader.meters({ scope: 'all' }, never)],
  [
    'meters of a resource and time',
    ofSeries,
    () => reader.meters({ scope: 'all', resources: ['r7'], start }, never),
  ],
  ['resources', ofSeries, () => resourcesOf({})],
  ['a page of several resources', ofSeries, () => page({ resources: ['r7', 'r9'], meters: ['m1', 'm2'] })],
  ['a page of a scope', byTime, () => page({ scope: { project: 'project-1' }, start: start + 5n })],
  ['projects', ofSeries, () => reader.projects({ scope: 'all' }, never)],
  ['times of recorded samples', byTime, () => store.recordedTimes(start + 10n ** 12n)],
  ['removal', byTime, () => removeBefore(start)],
  ['resources within a time range', ofSeries, () => resourcesOf({ start, end: start + 10n ** 12n })],
])('%s: reads only matching rows', async (_, access, work) => {
  const found = await accesses(work);
  expect(found).toContainEqual(expect.stringMatching(access));
  expect(found.filter((detail) => !access.test(detail) && !byId.test(detail))).toEqual([]);
});

const ofProject = /^SEARCH series USING (COVERING )?INDEX series_by_project \(project_id=\?/;

test.each<[string, () => Promise<unknown>]>([
  ['samples', () => page({ scope: { project: 'project-1' } })],
  ['samples of several resources', () => page({ scope: { project: 'project-1' }, resources: ['r7', 'r9'] })],
  ['resources', () => resourcesOf({ scope: { project: 'project-1' } })],
  ['projects', () => reader.projects({ scope: { project: 'project-1' } }, never)],
  ['meters', () => reader.meters({ scope: { project: 'project-1' } }, never)],
])('%s of a scope: reads no series of another project', async (_, work) => {
  const found = await accesses(work, /^(SCAN|SEARCH) series\b/);
  const byReference = /^SEARCH series USING INTEGER PRIMARY KEY \(rowid=\?\)/;
  expect(found).toContainEqual(expect.stringMatching(ofProject));
  expect(found.filter((detail) => !ofProject.test(detail) && !byReference.test(detail))).toEqual([]);
});
