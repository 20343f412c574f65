import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { apiProgram, createApi } from '@nephoscope/api';
import { parseTimestamp } from '@nephoscope/core';
import type { Sample, SampleReader } from '@nephoscope/core/sample-store';
import { systemClock } from '@nephoscope/runtime';
import { Statistics, metadataValue, readFigures } from '@nephoscope/statistics';
import type { Figure, StatisticsQuery } from '@nephoscope/statistics';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger, exampleSample } from '@nephoscope/testing';
import fc from 'fast-check';
import pg from 'pg';

import { sharedPostgresqlUrl } from '../../../tools/testbed/shared.js';
import { nephoscope } from './command.js';
import { randomSamples } from './random-histories.js';

/** `NEPHOSCOPE_HISTORIES=10000` runs more histories than `npm test` has time for. */
const historyCount = Number(process.env['NEPHOSCOPE_HISTORIES'] ?? 25);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nephoscope-usage-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function onPostgresql(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: sharedPostgresqlUrl() });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

const database = `usage_${randomUUID().replaceAll('-', '')}`;
const databases = {
  SQLite: {
    make: () => Promise.resolve(`sqlite:${join(directory, 'samples.db')}`),
    remove: () => Promise.resolve(),
  },
  PostgreSQL: {
    make: async () => {
      await onPostgresql(`create database ${database}`);
      const url = new URL(sharedPostgresqlUrl());
      url.pathname = `/${database}`;
      return url.href;
    },
    remove: () => onPostgresql(`drop database ${database} with (force)`),
  },
};

const settingsOf = (url: string) => ({
  options: sql.options.parse({ url }),
  logger: new RecordingLogger(),
  clock: systemClock,
  host: 'tests',
});

async function withReader(
  url: string,
  use: (reader: SampleReader, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { signal } = new AbortController();
  const reader = sql.createReader(settingsOf(url));
  await reader.start(signal);
  try {
    await use(reader, signal);
  } finally {
    await reader.stop();
  }
}

const inTime = (all: readonly Sample[]) => [...all].sort((one, other) => Number(one.timestamp - other.timestamp));

async function record(url: string, samples: readonly Sample[]): Promise<void> {
  const store = sql.create(settingsOf(url));
  await store.start(new AbortController().signal);
  try {
    await store.record(samples);
  } finally {
    await store.stop();
  }
}

const shop = { projectId: 'shop', metadata: '{"instance_id": "web", "flavor": {"name": "small"}}' };
const cpu = (time: string, volume: string, fields: Parameters<typeof exampleSample>[0] = {}) =>
  exampleSample({
    timestamp: parseTimestamp(time),
    volume,
    resourceId: 'web',
    epoch: 'run-1',
    ...shop,
    ...fields,
  });
const memory = (time: string, volume: string) =>
  cpu(time, volume, { meter: 'memory', type: 'gauge', unit: 'GiB', epoch: null });

/** Out of order, as they may be recorded. The clock in Berlin was set back in the night to the 25th of October. */
const samples = [
  cpu('2026-10-26T12:00:00', '8292646586825371460', { epoch: 'run-2' }),
  cpu('2026-10-24T10:00:00', '500'),
  cpu('2026-10-24T10:10:00', '620'),
  cpu('2026-10-24T21:00:00', '700', { projectId: 'bank' }),
  // An hour on the 24th and two on the 25th.
  cpu('2026-10-25T00:00:00', '1000'),
  // A disk that existed for ten minutes, and another project.
  cpu('2026-10-24T11:00:00', '7', { resourceId: 'web-vdb' }),
  cpu('2026-10-24T11:10:00', '9', { resourceId: 'web-vdb' }),
  cpu('2026-10-24T11:00:00', '7', { resourceId: 'vault', projectId: 'bank' }),
  cpu('2026-10-24T11:10:00', '77', { resourceId: 'vault', projectId: 'bank' }),
  memory('2026-10-23T22:00:00', '2'),
  memory('2026-10-24T10:00:00', '2'),
  memory('2026-10-24T22:00:00', '4'),
  memory('2026-10-25T23:00:00', '4'),
];

/** Runs the command on a database; resolves with its CSV by column. */
const command = (url: string) => {
  const usage = (...args: string[]) => {
    const [name, ...others] = args[0] === 'statistics' ? args : ['usage', ...args];
    return nephoscope(directory, name as string, '--store', url, ...others);
  };
  const rows = async (...args: string[]) => {
    const { code, stdout, stderr } = await usage(...args, '--csv');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [head, ...lines] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    return lines.map((line) => Object.fromEntries((head ?? []).map((name, at) => [name, line[at]])));
  };
  return { usage, rows };
};

describe.each(Object.entries(databases))('on %s', (_, { make, remove }) => {
  let url: string;
  beforeAll(async () => {
    url = await make();
    await record(url, samples);
  }, 60_000);
  afterAll(remove);

  it('a project’s month by instance and day in its time zone', async () => {
    const query = ['--project', 'shop', '--month', '2026-10', '--by', 'instance,day', '--zone', 'Europe/Berlin'];
    const all = await command(url).rows(...query, '--meter', 'cpu');
    expect(all).toHaveLength(31);
    expect(all.filter(({ value }) => value !== '')).toEqual([
      {
        ...{
          start: '2026-10-24T00:00:00+02:00',
          end: '2026-10-25T00:00:00+02:00',
          partial: 'false',
          meter: 'cpu',
        },
        ...{
          instance: 'web',
          source: 'openstack',
          type: 'cumulative',
          function: 'use',
          value: '222',
          unit: 'ns',
          fraction: '',
        },
        // The first readings of the instance and of its disk; a third of the 300 that were used across midnight.
        ...{ opening: '507', apportioned: '100', series: '2', samples: '4', epochs: '2' },
        ...{ measured_s: '1200', bridged_s: '3600', missing_s: '81600' },
      },
      expect.objectContaining({
        start: '2026-10-25T00:00:00+02:00',
        end: '2026-10-26T00:00:00+01:00',
        samples: '1',
      }),
      expect.objectContaining({ start: '2026-10-26T00:00:00+01:00', epochs: '1' }),
    ]);
    // 200 across midnight, and all of the second run: apportioning loses nothing.
    const [, second, third] = all.filter(({ value }) => value !== '').map(({ value }) => BigInt(value ?? ''));
    expect((second ?? 0n) + (third ?? 0n)).toBe(200n + 8292646586825371460n);
  });

  it('shows through the API what it shows from the store, and says what the API refuses', async () => {
    const api = createApi({
      options: apiProgram.sections.api.parse({ port: 0 }),
      reader: sql.createReader(settingsOf(url)),
      logger: new RecordingLogger(),
    });
    await api.start(new AbortController().signal);
    const ask = (place: readonly string[], [name = '', ...args]: readonly string[]) =>
      nephoscope(directory, name, ...place, ...args);
    const month = ['--month', '2026-10', '--zone', 'Europe/Berlin'];
    try {
      for (const args of [
        ['usage', ...month, '--project', 'shop', '--by', 'instance,day'],
        ['usage', ...month, '--by', 'project,metadata.flavor.name', '--round', '2,half-up', '--csv'],
        ['statistics', ...month, '--meter', 'memory', '--by', '7d', '--usual', '1h', '--hold', '2h', '--csv'],
        ['statistics', ...month, '--meter', 'cpu', '--meter', 'memory', '--function', 'count'],
        ['usage', ...month, '--by', 'source,resource', '--csv'],
      ]) {
        const own = await ask(['--store', url], args);
        expect(own.stdout.split('\n').length).toBeGreaterThan(3);
        expect(await ask(['--api', api.url], args)).toEqual(own);
      }
      const lines = async (place: readonly string[]) => {
        const { stdout } = await ask(place, ['usage', ...month, '--by', 'resource,week', '--json']);
        return stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown);
      };
      expect(await lines(['--api', api.url])).toEqual(await lines(['--store', url]));
      const average = ['statistics', ...month, '--meter', 'cpu', '--function', 'average'];
      expect(await ask(['--api', api.url], average)).toMatchObject({
        ...{ code: 1, stdout: '' },
        stderr: expect.stringContaining('average says nothing of cpu, which is cumulative'),
      });
    } finally {
      await api.stop();
    }
    expect(await ask(['--api', api.url], ['usage'])).toMatchObject({
      ...{ code: 1, stdout: '', stderr: expect.stringContaining('does not answer') },
    });
  }, 240_000);

  it("statistics computes every function that the meter's type permits, by a fixed length", async () => {
    const { rows, usage } = command(url);
    const query = ['--meter', 'memory', '--start', '2026-10-24T10:00:00Z', '--end', '2026-10-25T10:00:00Z'];
    const all = await rows('statistics', ...query, '--by', '12h');
    const brief = all.map(
      ({ start, function: name, value, unit }) => `${start?.slice(5, 16)} ${name} ${value} ${unit}`,
    );
    expect(brief).toEqual([
      ...['10-24T10:00 amount 4 GiB·h', '10-24T10:00 average 2 GiB', '10-24T10:00 min 2 GiB'],
      ...['10-24T10:00 max 2 GiB', '10-24T10:00 count 1 sample'],
      ...['10-24T12:00 amount 28 GiB·h', '10-24T12:00 average 2.3333333333333333333333333333333 GiB'],
      ...['10-24T12:00 min 2 GiB', '10-24T12:00 max 4 GiB', '10-24T12:00 count 1 sample'],
      ...['10-25T00:00 amount 40 GiB·h', '10-25T00:00 average 4 GiB', '10-25T00:00 min 4 GiB'],
      ...['10-25T00:00 max 4 GiB', '10-25T00:00 count 0 sample'],
    ]);
    const several = await rows('statistics', ...query, '--meter', 'cpu', '--function', 'count');
    expect(several.map(({ meter, value }) => [meter, value])).toEqual([
      ['cpu', '8'],
      ['memory', '2'],
    ]);
    expect(await usage('statistics', ...query, '--meter', 'cpu', '--function', 'average')).toMatchObject({
      ...{ code: 1, stdout: '' },
      stderr: expect.stringContaining('average says nothing of cpu, which is cumulative'),
    });
  });

  it('reports one meter in two units separately, without refusing the report', async () => {
    const power = (time: string, volume: string, unit: string) =>
      cpu(time, volume, { meter: 'power', type: 'gauge', unit, epoch: null, resourceId: 'rack' });
    await record(url, [
      ...[power('2026-09-01T00:00:00', '3', 'W'), power('2026-09-01T02:00:00', '3', 'W')],
      ...[power('2026-09-01T02:00:00', '1', 'kW'), power('2026-09-01T03:00:00', '1', 'kW')],
    ]);
    const all = await command(url).rows('--month', '2026-09', '--by', 'resource');
    expect(all.map(({ meter, value, unit }) => ({ meter, value, unit }))).toEqual([
      { meter: 'power', value: '6', unit: 'W·h' },
      { meter: 'power', value: '1', unit: 'kW·h' },
    ]);
    const { stdout } = await command(url).usage('--month', '2026-09', '--json');
    const groups = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as Figure).group);
    expect(groups).toEqual(Array(4).fill({ meter: 'power', source: 'openstack' }));
  });

  it(
    'figures of random histories are those of their samples in order, in whatever order they were recorded',
    async () => {
      const histories = fc.sample(randomSamples, historyCount);
      const meters = histories.map((_history, at) => `random-${at}`);
      const recorded = histories.map(({ samplesOf }, at) => samplesOf(meters[at] ?? ''));
      await record(url, recorded.flat());
      await withReader(url, async (reader, signal) => {
        const range = histories[0]?.range ?? { start: 0n, end: 1n };
        // Also all meters at once: each resource has more than are read together.
        const byMeter: StatisticsQuery = { ...range, groupBy: ['meter', 'resource'] };
        const together = new Statistics(byMeter);
        const unique = [...new Map(recorded.flat().map((sample) => [sample.messageId, sample])).values()];
        for (const sample of inTime(unique)) together.add(sample);
        const found = await readFigures(reader, { scope: 'all' }, byMeter, signal);
        const random = (figure: Figure) => figure.group.meter?.startsWith('random-') === true;
        expect(found.figures.filter(random)).toEqual(together.finish().figures);
        for (const [at] of histories.entries()) {
          const query: StatisticsQuery = {
            ...{ ...range, period: { calendar: 'hour', zone: 'Asia/Kathmandu' } },
            groupBy: ['project', 'metadata.flavor.name'],
          };
          const all = new Map(recorded[at]?.map((sample) => [sample.messageId, sample]));
          for (const project of [undefined, 'p']) {
            const of = project === undefined ? undefined : (sample: Sample) => sample.projectId === project;
            const statistics = new Statistics({ ...query, of, metadata: metadataValue });
            for (const sample of inTime([...all.values()])) statistics.add(sample);
            const expected = statistics.finish();
            const which = { meters: [meters[at] ?? ''] };
            const projects = project === undefined ? undefined : [project];
            const ofProject = { ...which, scope: 'all' as const, projects };
            expect(await readFigures(reader, ofProject, query, signal)).toEqual(expected);
            if (project === undefined) continue;
            const inScope = { ...which, scope: { project } };
            expect(await readFigures(reader, inScope, query, signal)).toEqual(expected);
          }
        }
      });
    },
    60_000 + historyCount * 1_000,
  );
});

describe('the output', () => {
  const url = () => `sqlite:${join(directory, 'output.db')}`;
  beforeAll(() => record(url(), samples));

  it('as a table shows what is known, and totals', async () => {
    const { code, stdout, stderr } = await command(url()).usage(
      ...[
        '--project',
        'shop',
        '--start',
        '2026-10-24',
        '--end',
        '2026-10-26',
        '--by',
        'day',
        '--zone',
        'Europe/Berlin',
      ],
      ...['--meter', 'memory', '--usual', '1d'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      [
        'DAY         METER   FUNCTION  VALUE  UNIT   MEASURED  BRIDGED  MISSING  NOTES',
        '2026-10-24  memory  amount       48  GiB·h     100 %',
        '2026-10-25  memory  amount      100  GiB·h              100 %',
        'total       memory  amount      148  GiB·h    48.9 %     51 %',
        '',
      ].join('\n'),
    );
  });

  it('as JSON has the gaps with their reasons', async () => {
    const { stdout } = await command(url()).usage(
      '--month',
      '2026-10-24',
      '--project',
      'bank',
      '--resource',
      'vault',
      '--json',
    );
    const [figure, total] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const gap = (start: string, end: string, reason: string) => ({ start, end, kind: 'missing', reason });
    const expected = {
      ...{ start: '2026-10-24T00:00:00+00:00', end: '2026-10-25T00:00:00+00:00', partial: false },
      ...{
        function: 'use',
        type: 'cumulative',
        unit: 'ns',
        group: { meter: 'cpu', source: 'openstack' },
        value: '70',
      },
      ...{ apportioned: '0', opening: '7', series: 1, samples: 2, epochs: 1 },
      coverage: {
        ...{ measured: '600', bridged: '0', missing: '85800' },
        gaps: [
          gap('2026-10-24T00:00:00+00:00', '2026-10-24T11:00:00+00:00', 'before-first-reading'),
          gap('2026-10-24T11:10:00+00:00', '2026-10-25T00:00:00+00:00', 'after-last-reading'),
        ],
      },
    };
    expect([figure, total]).toEqual([expected, { total: true, ...expected }]);
  });

  it('groups by metadata, and refuses a function that does not apply to the meter', async () => {
    const small = await command(url()).rows(
      '--month',
      '2026-10',
      '--meter',
      'memory',
      '--by',
      'metadata.flavor.name',
      '--round',
      '1',
    );
    expect(small).toMatchObject([{ 'metadata.flavor.name': 'small', value: '148.0', fraction: '148/1' }]);
    const refused = await command(url()).usage('--month', '2026-10', '--meter', 'cpu', '--function', 'average');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('average says nothing of cpu');
    expect(refused.stderr).toContain('Ask for use');
  });

  it('says that nothing was recorded if there is nothing', async () => {
    const none = await command(url()).usage('--project', 'nobody');
    expect(none).toMatchObject({ code: 0, stdout: '' });
    expect(none.stderr).toContain('Nothing was recorded');
  });
});
