import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { Database } from '../src/sqlite/driver.js';
import { all, readerAt, storeAt } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-chunks-'));
const never = new AbortController().signal;
const path = join(folder, 'samples.db');
const store = storeAt(path);
const count = 1_500;

/** Times that jump back and forth, each used twice, so that the chunks overlap in time. */
const recorded = Array.from({ length: count }, (_, at) =>
  exampleSample({
    resourceId: at % 3 === 0 ? 'other' : 'server',
    timestamp: BigInt((at * 7) % (count / 2)) * 1_000_000_000n,
    sequence: BigInt(at),
  }),
);
const wanted = recorded.filter(({ resourceId }) => resourceId === 'server');
const inOrder = wanted.toSorted((one, other) => Number(one.timestamp - other.timestamp)).map(idOf);

beforeAll(async () => {
  await store.start(AbortSignal.timeout(10_000));
  await store.record(recorded);
  // As if samples of others had been recorded in between, and one chunk removed since.
  const database = new Database(path);
  database.exec('update samples set id = (id << 11) + (id > 300) * (1 << 19)');
  database.close();
});
afterAll(async () => {
  await store.stop();
  rmSync(folder, { recursive: true });
});

function idOf({ messageId }: Sample): string {
  return messageId;
}

async function messageIds(newestFirst: boolean): Promise<readonly string[]> {
  return (await all(store, { resources: ['server'], newestFirst })).map(idOf);
}

test('returns the samples of a series in order from several chunks with a gap between them', async () => {
  const database = new Database(path);
  const chunks = database.prepare('select distinct id >> 18 as chunk from samples order by 1').all();
  database.close();
  expect(chunks).toEqual([0n, 1n, 2n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, 11n, 12n, 13n].map((chunk) => ({ chunk })));
  expect(await messageIds(false)).toEqual(inOrder);
  expect(await messageIds(true)).toEqual(inOrder.toReversed());
});

test('summarises all chunks together', async () => {
  const { timestamp: first } = wanted.reduce((one, other) => (other.timestamp < one.timestamp ? other : one));
  const { timestamp: last } = wanted.reduce((one, other) => (other.timestamp > one.timestamp ? other : one));
  const reader = readerAt(path);
  await reader.start(never);
  expect(await reader.meters({ scope: 'all' }, never)).toEqual([
    expect.objectContaining({ resources: 2, samples: count }),
  ]);
  const resources = [];
  for await (const one of reader.resources({ scope: 'all', resources: ['server'] }, never)) resources.push(one);
  expect(resources).toEqual([expect.objectContaining({ firstTimestamp: first, lastTimestamp: last })]);
  await reader.stop();
});
