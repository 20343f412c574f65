import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { migrate } from '../src/migrate.js';
import { openSqlite } from '../src/sqlite/connection.js';
import type { Database } from '../src/sqlite/driver.js';
import { migrations } from '../src/sqlite/migrations.js';
import { SqliteRecorder } from '../src/sqlite/sqlite-recorder.js';
import { RowWriter } from '../src/sqlite/row-writer.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-rows-'));
let files = 0;
let sqlite: Database;
let writer: RowWriter;
let recorder: SqliteRecorder;

beforeEach(async () => {
  const connection = openSqlite(join(folder, `${++files}.db`));
  await migrate(connection.db, 'a file', migrations, []);
  ({ sqlite } = connection);
  writer = new RowWriter(sqlite);
  recorder = new SqliteRecorder(writer);
});
afterEach(() => sqlite.close());
afterAll(() => rmSync(folder, { recursive: true }));

const record = (samples: readonly Sample[]) => recorder.record(samples, async (work) => await work());
const values = (query: string) =>
  sqlite
    .prepare(query)
    .all()
    .map((row) => Object.values(row as object) as unknown[]);
const count = (rows: string) => values(`select count(*) from ${rows}`)[0];

describe("a sample's row", () => {
  it('is written with missing and unusual values', async () => {
    const unusual = { ...exampleSample(), text: '{"resource_metadata": {}, "timestamp": "2026-11-22 12:00:00"}' };
    const least = { ...exampleSample({ messageId: 'no uuid\0', sequence: null }), text: '{"a": 1}' };
    await record([exampleSample({ sequence: 2n ** 62n }), least, unusual]);
    const columns = 'message_id, sequence, metadata_id is null, length(signature), variations';
    expect(values(`select ${columns} from samples order by id`)).toEqual([
      [null, 2n ** 62n, 0n, 32n, null],
      ['no uuid\ufffd', null, 1n, null, null],
      [null, 1n, 0n, null, '{"timestamp":"\\"2026-11-22 12:00:00\\""}'],
    ]);
  });
});

describe('series and metadata', () => {
  it('are found again by another recorder, and created once', async () => {
    await record([exampleSample(), exampleSample({ meter: 'other' })]);
    const later = new SqliteRecorder(new RowWriter(sqlite));
    await later.record([exampleSample()], async (work) => await work());
    expect(count('series')).toEqual([2n]);
  });

  it('of more resources than the cache holds are created once, not in each cycle', async () => {
    const most = 200;
    recorder = new SqliteRecorder(new RowWriter(sqlite, most), most);
    const resources = Array.from({ length: 5 * most }, (_, at) => `resource-${at}`);
    for (let cycle = 0n; cycle < 4n; cycle++) {
      const ofCycle = resources.flatMap((resourceId) =>
        ['cpu', 'vcpus'].map((meter) =>
          exampleSample({ resourceId, meter, sequence: cycle, metadata: `{"name":"of ${resourceId}"}` }),
        ),
      );
      for (let at = 0; at < ofCycle.length; at += 150) await record(ofCycle.slice(at, at + 150));
    }
    expect(count('samples')).toEqual([BigInt(4 * 2 * 5 * most)]);
    expect(count('series')).toEqual([BigInt(2 * 5 * most)]);
    expect(count('metadata')).toEqual([BigInt(5 * most)]);
    const wrong = `samples join series on series.id = series_id join metadata on metadata.id = metadata_id
      where metadata.text <> '{"name":"of ' || series.resource_id || '"}'`;
    expect(count(wrong)).toEqual([0n]);
  });

  it('of a failed batch are created with the next one', async () => {
    sqlite.exec(
      "create trigger refuse before insert on samples when new.volume = '13' begin select raise(abort, 'no'); end",
    );
    await record([exampleSample()]);
    await expect(record([exampleSample({ meter: 'new' }), exampleSample({ volume: '13' })])).rejects.toThrow('no');
    expect(sqlite.inTransaction).toBe(false);
    expect(count('series')).toEqual([1n]);
    expect(await record([exampleSample({ meter: 'new' }), exampleSample()])).toEqual({
      recorded: 2,
      duplicates: 0,
    });
    expect(count('series')).toEqual([2n]);
  });

  it.each([
    ['that SQLite rolled back itself', "raise(rollback, 'the cause')"],
    ['that the writer rolled back', "raise(abort, 'the cause')"],
  ])('of a batch %s are not stored, and the cause is reported', async (_, refusal) => {
    sqlite.exec(`create trigger refuse before insert on samples begin select ${refusal}; end`);
    await expect(record([exampleSample()])).rejects.toThrow('the cause');
    expect([sqlite.inTransaction, count('series')]).toEqual([false, [0n]]);
    sqlite.exec('drop trigger refuse');
    expect(await record([exampleSample()])).toEqual({ recorded: 1, duplicates: 0 });
  });

  it('of a batch whose rollback fails are not stored, and the cause is still reported', async () => {
    sqlite.exec("create trigger refuse before insert on samples begin select raise(abort, 'the cause'); end");
    const exec = sqlite.exec.bind(sqlite);
    sqlite.exec = (text) => {
      // Twice, so that the second one fails with "cannot rollback".
      if (text === 'rollback') exec(text);
      return exec(text);
    };
    await expect(record([exampleSample()])).rejects.toThrow('the cause');
  });

  it('stay consistent between recorder and writer when there are more than both remember', async () => {
    const of = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, at) =>
        exampleSample({ resourceId: `r${from + at}`, volume: `${from + at}` }),
      );
    writer = new RowWriter(sqlite, 5_000);
    recorder = new SqliteRecorder(writer, 5_000);
    await record(of(0, 4_900));
    // Within this batch the cache is cleared, although its first samples were already looked up in it.
    await record([...of(4_800, 4_900), ...of(4_900, 5_200), ...of(4_850, 4_950)]);
    await record(of(5_100, 5_300));
    await record(of(0, 100));
    expect(count('series')).toEqual([5_300n]);
    const mixedUp = "resource_id <> 'r' || volume";
    const join = `samples join series on series.id = series_id where ${mixedUp}`;
    expect(count(join)).toEqual([0n]);
  }, 60_000);

  it('of a text that is not cached are found again, and those of an older version are written once more', async () => {
    const text = (at: number) => `{"display_name": "vm-${at}"}`;
    const cycle = (volume: string) =>
      Array.from({ length: 300 }, (_, at) => exampleSample({ volume, resourceId: `r${at}`, metadata: text(at) }));
    const insert = sqlite.prepare('insert into metadata (text) values (?)');
    for (let at = 0; at < 100; at++) for (let again = 0; again < 3; again++) insert.run([text(at)]);
    for (let round = 1; round <= 4; round++) {
      // As in a program that has just started, or whose cache was cleared.
      recorder = new SqliteRecorder(new RowWriter(sqlite));
      await record(cycle(`${round}`));
      expect(count('metadata')).toEqual([600n]);
    }
    expect(count('series')).toEqual([300n]);
    const wrong = `samples join series on series.id = series_id join metadata on metadata.id = metadata_id
      where text <> '{"display_name": "vm-' || substr(resource_id, 2) || '"}'`;
    expect(count(wrong)).toEqual([0n]);
    expect(values("explain query plan select id from metadata where hash = x'00'").join()).toContain(
      'metadata_by_hash',
    );
  });

  it('that the writer never received are an error, and nothing is written', async () => {
    await record([exampleSample()]);
    const other = new RowWriter(sqlite);
    const confused = new SqliteRecorder({
      begin: () => other.begin(),
      write: (batch) => other.write({ ...batch, newSeries: { first: 0, values: [] } }),
      removeBefore: () => 0,
      endPeriod: () => 0,
      removeShared: () => 0,
      writeRollups: () => 1,
    });
    await expect(confused.record([exampleSample()], async (work) => await work())).rejects.toThrow(
      'which the writer was never told',
    );
    expect(sqlite.inTransaction).toBe(false);
    expect(count('samples')).toEqual([1n]);
  });
});
