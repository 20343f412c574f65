import type { SampleReader } from '@nephoscope/core/sample-store';
import pg from 'pg';

import { all, batch, dropDatabase, execute, never, newDatabase, readerAt, storeAt } from './support.js';

let url: string;
let reader: SampleReader;

beforeAll(async () => {
  url = await newDatabase();
  const store = storeAt(url);
  await store.start(never);
  await store.record(batch(50));
  await store.stop();
  reader = readerAt(url);
  await reader.start(never);
}, 120_000);
afterAll(async () => {
  await reader.stop();
  await dropDatabase(url);
});

it('excludes a batch that is in progress when the first page is read from all pages', async () => {
  const [before] = await execute(url, 'select max(id) as id from samples');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // Its rows have ids already; by time they are between and after the existing rows.
    await client.query('begin');
    await client.query(
      `insert into samples (series_id, timestamp, key, volume)
        select series_id, timestamp + 1, gen_random_uuid(), 7 from samples`,
    );
    const query = { scope: 'all', limit: 10 } as const;
    const first = await reader.samplePage(query, never);
    const stream = reader.samples(query, never)[Symbol.asyncIterator]();
    await stream.next();
    // A batch with later ids is committed earlier.
    await execute(
      url,
      `insert into samples (series_id, timestamp, key, volume)
        select series_id, timestamp + 2, gen_random_uuid(), 8 from samples limit 5`,
    );
    await client.query('commit');
    const found = [...first.samples];
    let { next: cursor } = first;
    while (cursor !== undefined) {
      const page = await reader.samplePage({ ...query, cursor }, never);
      found.push(...page.samples);
      cursor = page.next;
    }
    expect(found).toHaveLength(50);
    expect(new Set(found.map(({ volume }) => volume))).toEqual(new Set(['1']));
    expect(await all({ url })).toHaveLength(105);
    expect(before?.['id']).toBeDefined();
  } finally {
    await client.end();
  }
});

it('finds the samples of a project by an index of the series', async () => {
  const plan = await execute(
    `${url}?options=-c%20enable_seqscan%3Doff`,
    `explain select id from series where project_id = 'p' and resource_id > 'r'`,
  );
  expect(JSON.stringify(plan)).toContain('series_by_project');
});
