import fc from 'fast-check';

import { readTable } from '../../src/import/delimited.js';
import { linesOf } from '../../src/import/lines.js';
import { allOf, imported, problemsOf, samplesOf } from './entries.js';

async function rowsOf(text: string, partSize = 65_536) {
  const bytes = Buffer.from(text);
  async function* parts() {
    for (let at = 0; at < bytes.length; at += partSize)
      yield await Promise.resolve(bytes.subarray(at, at + partSize));
  }
  const { columns, rows } = await readTable(linesOf(parts()));
  return { columns, rows: await allOf(rows) };
}

describe('a table', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab,"\n\t\\ é', '\r\n', '𝄞') });
  const cells = fc.array(fc.tuple(text, fc.option(text)), { minLength: 1, maxLength: 8 });

  it('as CSV gives back the cells that were written, wherever the file is cut into parts', async () => {
    const quoted = (cell: string | null) => (cell === null ? '' : `"${cell.replaceAll('"', '""')}"`);
    await fc.assert(
      fc.asyncProperty(cells, fc.integer({ min: 1, max: 9 }), async (written, partSize) => {
        const file = `a,b\n${written.map((row) => `${row.map(quoted).join(',')}\n`).join('')}`;
        const { rows } = await rowsOf(file, partSize);
        const read = rows.map(({ cells: row }) => (row instanceof Map ? [...row.values()] : row));
        expect(read).toEqual(written);
      }),
    );
  });

  it('of mysql and of PostgreSQL’s text format gives back the cells that were written', async () => {
    const names: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\\': '\\\\' };
    const escaped = (cell: string | null) =>
      cell === null ? '\\N' : cell.replaceAll(/[\n\t\r\\]/g, (one) => names[one] ?? one);
    await fc.assert(
      fc.asyncProperty(cells, async (written) => {
        const file = `a\tb\n${written.map((row) => `${row.map(escaped).join('\t')}\n`).join('')}`;
        const { rows } = await rowsOf(file);
        expect(rows.map(({ cells: row }) => (row instanceof Map ? [...row.values()] : row))).toEqual(written);
      }),
    );
  });

  it('says on which line a row begins, and what is wrong with it', async () => {
    const { rows } = await rowsOf('a,b\r\n1,"x\r\ny"\r\n\r\n2\r\n3,"z" z\r\n4,\r\n5,"cut');
    expect(rows).toEqual([
      { line: 2, cells: new Map([...[['a', '1'] as const, ['b', 'x\r\ny'] as const]]) },
      { line: 5, cells: { problem: 'it has 1 cells, and the table has 2 columns' } },
      { line: 6, cells: { problem: 'a quote is where none may be' } },
      { line: 7, cells: new Map([...[['a', '4'] as const, ['b', null] as const]]) },
      { line: 8, cells: { problem: 'its quote is not closed: the file was cut' } },
    ]);
  });

  it.each(['\n1,2\n', 'a,a\n1,2\n'])('needs names of columns: %j', async (file) => {
    await expect(rowsOf(file)).rejects.toMatchObject({ code: 'IMPORT_UNREADABLE' });
  });
});

const head =
  'message_id,counter_name,counter_type,counter_unit,counter_volume,user_id,project_id,resource_id,timestamp,resource_metadata,source';

describe('Ceilometer’s table of samples', () => {
  it('is taken over from CSV, as PostgreSQL writes it', async () => {
    const { entries, leftOut } = await imported(
      `${head},recorded_at\nid-1,cpu,cumulative,ns,8.29264658682537e+18,,p,web,2015-02-24 22:00:32.74793,"{""a"": {""b"": [1.50]}}",openstack,x\n`,
    );
    expect(samplesOf(entries)).toMatchObject([
      {
        ...{ messageId: 'id-1', volume: '8.29264658682537e+18', userId: null, projectId: 'p' },
        text: expect.stringContaining('"resource_metadata":{"a":{"b":[1.50]},"taken_over_from":"ceilometer"}'),
      },
    ]);
    expect(leftOut).toEqual(['recorded_at']);
  });

  it('is taken over from what mysql prints, where times are seconds since 1970', async () => {
    const table = head.replaceAll(',', '\t');
    const { entries } = await imported(
      `${table}\nid-1\tcpu\tcumulative\tns\t1.5\tNULL\tp\tweb\t1424815232.747930\t{"a": "b\\\\"c\\\\n"}\topenstack\n`,
    );
    const [csv] = samplesOf(
      (
        await imported(
          `${head}\nid-1,cpu,cumulative,ns,1.5,,p,web,2015-02-24T22:00:32.747930Z,"{""a"": ""b\\""c\\n""}",openstack\n`,
        )
      ).entries,
    );
    expect(problemsOf(entries)).toEqual([]);
    expect(samplesOf(entries)).toEqual([csv]);
  });

  it('says of each row that it cannot take over why', async () => {
    const row = (changes: Readonly<Record<number, string>>) =>
      ['id', 'cpu', 'gauge', '%', '1', 'u', 'p', 'web', '2015-02-24 22:00:32', '{}', 's']
        .map((cell, at) => changes[at] ?? cell)
        .join(',');
    const rows = [
      row({ 0: '' }),
      row({ 4: 'NaN' }),
      row({ 4: '"1' }),
      row({ 4: '.5' }),
      row({ 9: '{' }),
      row({ 8: '' }),
    ];
    const { entries } = await imported(`${head}\n${[...rows.filter((_, at) => at !== 2), 'x'].join('\n')}\n`);
    expect(problemsOf(entries)).toEqual([
      'FILE:2 it has no message_id, so that it could not be recorded once only',
      "FILE:3 its volume is 'NaN', which is not a number",
      "FILE:4 its volume is '.5', which is not a number",
      expect.stringContaining('FILE:5 not JSON'),
      'FILE:6 unreadable metering message: timestamp is not a string',
      'FILE:7 it has 1 cells, and the table has 11 columns',
    ]);
  });

  it('must have the columns that a sample needs', async () => {
    await expect(imported('id,meter\n1,cpu\n')).rejects.toMatchObject({
      code: 'IMPORT_UNREADABLE',
      message: expect.stringContaining('counter_type or type'),
    });
  });
});

describe('measures of Gnocchi', () => {
  const metric = { meter: 'cpu', type: 'cumulative', unit: 'ns', resource_id: 'web', aggregation: 'last' };
  const measures =
    'timestamp,granularity,value\n2026-10-01T00:00:00+00:00,300.0,1e+18\n2026-10-01T00:05:00+00:00,300.0,1.5e18\n';

  it('are taken over with what they do not say themselves, under an id that is always the same', async () => {
    const { entries } = await imported(measures, { ...metric, project_id: 'p' });
    const samples = samplesOf(entries);
    expect(samples).toMatchObject([
      {
        ...{ meter: 'cpu', type: 'cumulative', unit: 'ns', volume: '1e+18', resourceId: 'web', projectId: 'p' },
        ...{ publisherId: 'import/gnocchi', userId: null },
        text: expect.stringContaining(
          '"resource_metadata":{"aggregation":"last","granularity":"300","taken_over_from":"gnocchi"}',
        ),
      },
      { volume: '1.5e18' },
    ]);
    const again = samplesOf((await imported(measures.replaceAll('300.0', '300'), metric)).entries);
    expect(again.map(({ messageId }) => messageId)).toEqual(samples.map(({ messageId }) => messageId));
    expect(new Set(samples.map(({ messageId }) => messageId)).size).toBe(2);
    const other = samplesOf((await imported(measures, { ...metric, aggregation: 'max' })).entries);
    expect(other[0]?.messageId).not.toBe(samples[0]?.messageId);
  });

  it('of several metrics have columns that say which', async () => {
    const { entries } = await imported(
      'meter,type,unit,resource_id,aggregation,timestamp,granularity,value\nmemory,gauge,MB,web,mean,2026-10-01T00:00:00Z,60,1\ncpu,cumulative,ns,web,last,2026-10-01T00:00:00Z,300,1\n',
    );
    expect(samplesOf(entries).map(({ meter, unit }) => [meter, unit])).toEqual([
      ['memory', 'MB'],
      ['cpu', 'ns'],
    ]);
  });

  it('are refused where they are no readings, and where days stand beside minutes', async () => {
    const mean = await imported(measures, { ...metric, aggregation: 'mean' });
    expect(problemsOf(mean.entries)[0]).toContain(
      "'mean' of a cumulative meter is not a reading: take over first, last",
    );
    const mixed = await imported(`${measures}2026-10-01T00:00:00+00:00,86400.0,3\n`, metric);
    expect(problemsOf(mixed.entries)).toEqual([
      'FILE:4 its granularity is 86400 s, and that of others of its metric 300 s: take over one of them',
    ]);
  });

  it.each([
    [{}, 'give --meter, --type, --resource, --aggregation'],
    [{ ...metric, aggregation: undefined }, 'give --aggregation'],
  ])('need what they do not say: %j', async (some, message) => {
    await expect(imported(measures, some)).rejects.toMatchObject({
      code: 'IMPORT_UNREADABLE',
      message: expect.stringContaining(message),
    });
  });

  it('have one meaning only', async () => {
    const table = measures.replaceAll('\n', ',x\n').replace(',x\n', ',meter\n');
    await expect(imported(table, metric)).rejects.toMatchObject({
      message: expect.stringContaining('leave out --meter'),
    });
  });
});
