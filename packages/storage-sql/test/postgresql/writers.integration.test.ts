import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { realClock } from '../store-at.js';
import { all, batch, dropDatabase, execute, never, newDatabase, storeAt } from './support.js';
import type { StoreAt } from './support.js';

const second = 1_000_000_000n;
const week = 604_800n * second;
/** A Wednesday. */
const now = 1_795_608_000n * second;

let url: string;
const stores: StoreAt[] = [];
beforeEach(async () => {
  url = await newDatabase();
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.stop()));
  await dropDatabase(url);
});

async function started(time?: bigint): Promise<StoreAt> {
  const clock = time === undefined ? realClock : { ...realClock, now: () => time };
  const store = storeAt(url, { clock });
  stores.push(store);
  await store.start(never);
  return store;
}

async function partitions(): Promise<unknown[]> {
  const rows = await execute(
    url,
    `select relname from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = 'samples'::regclass order by 1`,
  );
  return rows.map(({ relname }) => relname);
}

const countIn = async (table: string) =>
  Number((await execute(url, `select count(*) from ${table}`))[0]?.['count']);

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([one], [other]) => one - other)
    .map(([, item]) => item);
}

it('records each message once while several programs offer the same batches and others at the same time', async () => {
  const writers = await Promise.all([started(), started(), started(), started()]);
  const common = Array.from({ length: 6 }, () => batch(300));
  const results = await Promise.all(
    writers.map(async (store) => {
      let recorded = 0;
      let duplicates = 0;
      for (const samples of [...shuffled(common), batch(100)]) {
        // In a different order, with new series and metadata that others write at the same time.
        const result = await store.record(shuffled([...samples, ...samples.slice(0, 50)]));
        recorded += result.recorded;
        duplicates += result.duplicates;
      }
      return { recorded, duplicates };
    }),
  );
  const sum = (of: 'recorded' | 'duplicates') => results.reduce((total, result) => total + result[of], 0);
  expect(sum('recorded')).toBe(6 * 300 + 4 * 100);
  expect(sum('duplicates')).toBe(3 * 6 * 300 + 4 * 7 * 50);
  expect(await all(writers[0] as StoreAt)).toHaveLength(6 * 300 + 4 * 100);
}, 60_000);

it('records overlapping calls in their order', async () => {
  const store = await started();
  const samples = Array.from({ length: 20 }, () => exampleSample());
  await Promise.all(samples.map((sample) => store.record([sample])));
  expect(await all(store)).toEqual(samples);
});

it('stores once what many samples share', async () => {
  const [one, two] = await Promise.all([started(), started()]);
  const samples = Array.from({ length: 50 }, () => exampleSample());
  await Promise.all([one.record(samples.slice(0, 25)), two.record(samples.slice(25))]);
  await one.record([exampleSample()]);
  expect(await Promise.all(['series', 'metadata'].map(countIn))).toEqual([1, 1]);
});

it('can be read by other programs: numbers are numbers, and the message is split into columns', async () => {
  const store = await started();
  const sample = exampleSample({ volume: '18446744073709551615' });
  await store.record([sample, exampleSample({ volume: '1e-07' })]);
  const rows = await execute(
    url,
    `select volume::text, volume_text, message_id, key::text as key, metadata.text as metadata, length(signature) as bytes
       from samples join metadata on metadata.id = metadata_id order by samples.id`,
  );
  const shared = { message_id: null, metadata: '{"host": "compute-1"}', bytes: 32 };
  expect(rows).toEqual([
    { ...shared, volume: '18446744073709551615', volume_text: null, key: sample.messageId },
    { ...shared, volume: '0.0000001', volume_text: '1e-07', key: expect.any(String) },
  ]);
});

describe('partitions', () => {
  it('cover weeks around now; all other times are in one table', async () => {
    const store = await started(now);
    const times = [
      now,
      now + week,
      now - 3n * week,
      now + 400n * week,
      now - 600n * week,
      -(2n ** 63n),
      2n ** 63n - 1n,
    ];
    await store.record(times.map((timestamp) => exampleSample({ timestamp })));
    expect(await partitions()).toEqual([
      'samples_20261102',
      'samples_20261123',
      'samples_20261130',
      'samples_other',
    ]);
    expect(await countIn('samples_other')).toBe(4);
    expect(await all(store)).toHaveLength(7);
  });

  it('take over samples that were recorded while their time was far away', async () => {
    const early = await started(now - 100n * week);
    const future = [exampleSample({ timestamp: now }), exampleSample({ timestamp: now + 1n })];
    await early.record(future);
    expect(await countIn('samples_other')).toBe(2);
    const store = await started(now);
    const present = exampleSample({ timestamp: now + 2n });
    expect(await store.record([present, ...future])).toEqual({ recorded: 1, duplicates: 2 });
    expect(await countIn('samples_other')).toBe(0);
    expect(await all(store)).toEqual([...future, present]);
  });

  it('are created once when several programs need them at the same time', async () => {
    const writers = await Promise.all([started(now), started(now), started(now)]);
    const results = await Promise.all(
      writers.map((store, writer) =>
        store.record(
          Array.from({ length: 8 }, (_, at): Sample =>
            exampleSample({ timestamp: now - BigInt((at + writer) % 8) * week }),
          ),
        ),
      ),
    );
    expect(results).toEqual(writers.map(() => ({ recorded: 8, duplicates: 0 })));
    expect(await partitions()).toHaveLength(9);
    expect(await countIn('samples_other')).toBe(0);
  });

  it('that cannot be created now do not block recording', async () => {
    const store = await started(now);
    await store.record([exampleSample({ timestamp: now })]);
    await execute(url, 'create table samples_20261116 (id integer)');
    expect(await store.record([exampleSample({ timestamp: now - week })])).toEqual({ recorded: 1, duplicates: 0 });
    expect(await all(store)).toHaveLength(2);
  });

  it('with old samples are dropped as tables, with their message ids, and later samples of that time are accepted', async () => {
    const store = await started(now);
    const old = Array.from({ length: 500 }, (_, at) =>
      exampleSample({ timestamp: now - 10n * week + BigInt(at) }),
    );
    const [young, distant] = [exampleSample({ timestamp: now }), exampleSample({ timestamp: now - 900n * week })];
    await store.record([...old, young, distant]);
    expect(await store.removeBefore(now - 8n * week)).toBe(501);
    expect(await partitions()).toEqual(['samples_20261123', 'samples_other']);
    expect(await countIn('message_ids')).toBe(1);
    expect(await execute(url, `select relname from pg_class where relname like 'samples_removed%'`)).toEqual([]);
    expect(await store.record(old)).toEqual({ recorded: 500, duplicates: 0 });
    expect(await store.removeBefore(now - 8n * week)).toBe(500);
    expect(await all(store)).toEqual([young]);
  });

  it('left behind by an interrupted removal are removed by the next one', async () => {
    const store = await started(now);
    const old = Array.from({ length: 10 }, (_, at) => exampleSample({ timestamp: now - 10n * week + BigInt(at) }));
    await store.record(old);
    await execute(
      url,
      `alter table samples detach partition samples_20260914; alter table samples_20260914 rename to samples_removed_1`,
    );
    await execute(
      url,
      `with gone as (delete from samples_removed_1 where id in (select id from samples_removed_1 order by id limit 4) returning key)
      delete from message_ids using gone where message_ids.key = gone.key`,
    );
    // A sample of the half that was removed is sent again, and is kept.
    expect(await store.record(old.slice(0, 1))).toEqual({ recorded: 1, duplicates: 0 });
    expect(await store.removeBefore(now - 20n * week)).toBe(6);
    expect(await store.record(old)).toEqual({ recorded: 9, duplicates: 1 });
  });
});
