import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import {
  JsonNumber,
  createSigner,
  memberSpans,
  parseJson,
  readMeteringMessage,
  signJsonMessage,
} from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import { Statistics, metadataValue, readFigures } from '@nephoscope/statistics';
import type { StatisticsQuery } from '@nephoscope/statistics';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger, exampleSample } from '@nephoscope/testing';
import fc from 'fast-check';
import pg from 'pg';

import { sharedPostgresqlUrl } from '../../../tools/testbed/shared.js';
import { start } from './command.js';
import { randomSamples } from './random-histories.js';
import { secret } from './sample.js';

const historyCount = Number(process.env['NEPHOSCOPE_HISTORIES'] ?? 1_000);
const signer = createSigner({ secret, form: 'canonical' });
const never = new AbortController().signal;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nephoscope-import-'));
  await writeFile(join(directory, 'config.yaml'), `secrets: "${secret.reveal()}"\n`, { mode: 0o600 });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const run = (...args: string[]) => start(directory, args).ended;
const importInto = (url: string, file: string, input: 'none' | 'of the test' = 'none', ...args: string[]) =>
  start(directory, ['import', '--config', 'config.yaml', '--store', url, file, ...args], {}, input);

async function onPostgresql(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: sharedPostgresqlUrl() });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

const made: string[] = [];
let files = 0;
const databases = {
  SQLite: () => Promise.resolve(`sqlite:${join(directory, `${++files}.db`)}`),
  PostgreSQL: async () => {
    const name = `import_${randomUUID().replaceAll('-', '')}`;
    await onPostgresql(`create database ${name}`);
    made.push(name);
    const url = new URL(sharedPostgresqlUrl());
    url.pathname = `/${name}`;
    return url.href;
  },
};
afterAll(async () => {
  for (const name of made) await onPostgresql(`drop database ${name} with (force)`);
});

const settingsOf = (url: string) => ({
  ...{ options: sql.options.parse({ url }), logger: new RecordingLogger(), clock: systemClock, host: 'tests' },
});

async function record(url: string, samples: readonly Sample[]): Promise<void> {
  const store = sql.create(settingsOf(url));
  await store.start(never);
  try {
    await store.record(samples);
  } finally {
    await store.stop();
  }
}

async function contentOf(url: string, query: StatisticsQuery) {
  const reader = sql.createReader(settingsOf(url));
  await reader.start(never);
  try {
    const samples: Sample[] = [];
    for await (const sample of reader.samples({ scope: 'all' }, never)) samples.push(sample);
    return { samples, figures: await readFigures(reader, { scope: 'all' }, query, never) };
  } finally {
    await reader.stop();
  }
}

/** The sample as an agent would have signed it. */
function signed(sample: Sample): Sample {
  const unsigned = parseJson(sample.text) as ReadonlyMap<string, JsonValue>;
  const message = new Map<string, JsonValue>([
    ...([
      ['source', sample.source],
      ['counter_name', sample.meter],
      ['counter_type', sample.type],
    ] as const),
    ...([
      ['counter_unit', sample.unit],
      ['counter_volume', new JsonNumber(sample.volume)],
    ] as const),
    ...([
      ['user_id', sample.userId],
      ['project_id', sample.projectId],
      ['resource_id', sample.resourceId],
    ] as const),
    ...([
      ['timestamp', formatTimestamp(sample.timestamp)],
      ['message_id', sample.messageId],
    ] as const),
    ...([
      ['publisher_id', sample.publisherId],
      ['sequence', new JsonNumber('1')],
      ['epoch', sample.epoch],
    ] as const),
    ['resource_metadata', unsigned.get('resource_metadata') ?? null],
  ]);
  return readMeteringMessage(signJsonMessage(message, signer)).sample;
}

/** As `/v2/samples` would give it. */
function ofCeilometer({ text }: Sample): string {
  const message = parseJson(text) as ReadonlyMap<string, JsonValue>;
  const value = (key: string) => {
    const found = message.get(key);
    return found instanceof JsonNumber ? found.text : JSON.stringify(found);
  };
  const [span] = memberSpans(text, ['resource_metadata']);
  const metadata = text.slice(span?.start, span?.end);
  return `{"id":${value('message_id')},"meter":${value('counter_name')},"type":${value('counter_type')},"unit":${value('counter_unit')},"volume":${value('counter_volume')},"user_id":${value('user_id')},"project_id":${value('project_id')},"resource_id":${value('resource_id')},"source":${value('source')},"timestamp":${value('timestamp')},"metadata":${metadata}}`;
}

const histories = fc.sample(randomSamples, historyCount);
const samples = histories.flatMap(({ samplesOf }, at) => samplesOf(`random-${at}`)).map(signed);
const unique = [...new Map(samples.map((sample) => [sample.messageId, sample])).values()];
const query: StatisticsQuery = {
  ...(histories[0]?.range ?? { start: 0n, end: 1n }),
  period: { calendar: 'hour', zone: 'Asia/Kathmandu' },
  groupBy: ['meter', 'resource', 'project', 'metadata.flavor.name'],
};

describe.each(Object.entries(databases))('on %s', (name, make) => {
  it('what is exported and imported elsewhere is the same samples and figures, byte for byte', async () => {
    const [first, second] = [await make(), await make()];
    await record(first, samples);
    const [one, other] = [join(directory, `${name}-1.ndjson`), join(directory, `${name}-2.ndjson`)];
    expect(await run('export', '--store', first, '--output', one)).toMatchObject({ code: 0, stdout: '' });
    const total = unique.length.toLocaleString('en');
    expect(await importInto(second, one).ended).toMatchObject({
      code: 0,
      stdout: `${total} samples (0 taken over, ${total} as they were signed): ${total} recorded, 0 recorded before; 0 refused\n`,
    });
    const [before, after] = [await contentOf(first, query), await contentOf(second, query)];
    expect(before.samples).toHaveLength(unique.length);
    expect(after).toEqual(before);
    await run('export', '--store', second, '--output', other);
    expect((await readFile(other)).equals(await readFile(one))).toBe(true);
    expect(await importInto(second, other).ended).toMatchObject({
      stdout: expect.stringContaining(`: 0 recorded, ${total} recorded before; 0 refused`),
    });
  }, 300_000);

  it('what is taken over from Ceilometer, in any order and repeatedly, has the figures of its samples', async () => {
    const url = await make();
    const file = join(directory, `${name}-ceilometer.ndjson`);
    await writeFile(file, samples.map((sample) => `${ofCeilometer(sample)}\n`).join(''));
    expect(await importInto(url, file).ended).toMatchObject({ code: 0 });
    const statistics = new Statistics({ ...query, metadata: metadataValue });
    const inTime = [...unique].sort((left, right) => (left.timestamp < right.timestamp ? -1 : 1));
    for (const sample of inTime) statistics.add({ ...sample, epoch: null });
    const found = await contentOf(url, query);
    expect(found.figures).toEqual(statistics.finish());
    expect(found.samples.map(({ messageId, volume }) => `${messageId} ${volume}`).sort()).toEqual(
      unique.map(({ messageId, volume }) => `${messageId} ${volume}`).sort(),
    );
  }, 300_000);

  it('an import that is killed again and again records each sample once', async () => {
    const url = await make();
    const many = Array.from({ length: 20_000 }, (_, at) =>
      signed(exampleSample({ resourceId: `r${at % 50}`, timestamp: 1_790_000_000_000_000_000n + BigInt(at) })),
    );
    const file = join(directory, `${name}-killed.ndjson`);
    await writeFile(file, many.map((sample) => `${ofCeilometer(sample)}\n`).join(''));
    await record(url, []);
    const count = async () => (await contentOf(url, query)).samples.length;
    const lines = (await readFile(file, 'utf8')).split('\n');
    // Waiting for more after so many lines, and at any time.
    for (const part of [2_500, 9_000]) {
      const { child, ended } = importInto(url, '-', 'of the test');
      child.stdin?.write(`${lines.slice(0, part).join('\n')}\n`);
      while ((await count()) < part - 2_000 && child.exitCode === null) await sleep(20);
      child.kill('SIGKILL');
      expect(await ended).toMatchObject({ code: null, stdout: '' });
    }
    for (const time of fc.sample(fc.integer({ min: 300, max: 2_000 }), 3)) {
      const { child, ended } = importInto(url, file);
      await sleep(time);
      child.kill('SIGKILL');
      await ended;
    }
    expect(await importInto(url, file).ended).toMatchObject({
      ...{ code: 0, stdout: expect.stringMatching(/: [\d,]+ recorded, [\d,]+ recorded before; 0 refused/) },
    });
    const { samples: found } = await contentOf(url, query);
    expect(found.map(({ messageId }) => messageId).sort()).toEqual(many.map(({ messageId }) => messageId).sort());
  }, 300_000);
});

it('lists what it refuses with lines and reasons, records the rest, and fails; a dry run records nothing', async () => {
  const url = await databases.SQLite();
  const [one, two] = unique;
  const file = join(directory, 'refused.ndjson');
  const good = one === undefined ? '' : ofCeilometer(one);
  const changed = two?.text.replace('"counter_volume":', '"counter_volume":1') ?? '';
  await writeFile(file, `${good}\n${changed}\n{"meter": "\\u001b[31m"}\n`);
  const report = [
    expect.stringMatching(/^\S+refused\.ndjson:2: it is a message of Nephoscope, and the signature does not hold/),
    expect.stringMatching(/^\S+refused\.ndjson:3: it has no message_id/),
  ];
  const dry = await importInto(url, file, 'none', '--dry-run').ended;
  expect(dry.code).toBe(1);
  expect(dry.stdout.split('\n').slice(0, 3)).toEqual([
    ...report,
    '1 samples (1 taken over, 0 as they were signed): nothing recorded; 2 refused',
  ]);
  expect(existsSync(url.slice('sqlite:'.length))).toBe(false);
  const wet = await importInto(url, file).ended;
  expect(wet.code).toBe(1);
  expect(wet.stderr).toBe('2 samples were refused: see the list for the reasons\n');
  expect(wet.stdout.split('\n').slice(0, 3)).toEqual([
    ...report,
    '1 samples (1 taken over, 0 as they were signed): 1 recorded, 0 recorded before; 2 refused',
  ]);
  // What was taken over is signed, and can be exported and imported like any other.
  expect(await run('verify', '--config', 'config.yaml', '--store', url)).toMatchObject({ code: 0 });
  const moved = join(directory, 'moved.ndjson');
  await run('export', '--store', url, '--output', moved);
  expect(await importInto(await databases.SQLite(), moved).ended).toMatchObject({
    stdout: '1 samples (0 taken over, 1 as they were signed): 1 recorded, 0 recorded before; 0 refused\n',
  });
}, 120_000);

it('an import that waits for input ends when it is interrupted, and has recorded what it had', async () => {
  const url = await databases.SQLite();
  await record(url, []);
  const { child, ended } = importInto(url, '-', 'of the test');
  child.stdin?.write(
    unique
      .slice(0, 2_100)
      .map((sample) => `${sample.text}\n`)
      .join(''),
  );
  while ((await contentOf(url, query)).samples.length === 0) await sleep(50);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toContain('interrupted before it was done');
  expect(stderr).toMatch(/So far: 2,\d+ samples .*: 2,000 recorded/);
}, 120_000);

it('an export that is killed has no name of a complete one, and one is never written over', async () => {
  const url = await databases.SQLite();
  await record(
    url,
    Array.from({ length: 50_000 }, (_, at) => exampleSample({ timestamp: BigInt(at) })),
  );
  const file = join(directory, 'killed.ndjson');
  const { child, ended } = start(directory, ['export', '--store', url, '--output', file]);
  const part = `${file}.part`;
  while (child.exitCode === null && (!existsSync(part) || (await readFile(part)).length === 0)) await sleep(5);
  child.kill('SIGKILL');
  await ended;
  expect([existsSync(file), existsSync(part)]).toEqual([false, true]);
  expect((await readFile(part, 'utf8')).includes('{"end"')).toBe(false);

  expect(await run('export', '--store', url, '--output', file, '--end', '1970-01-02')).toMatchObject({ code: 0 });
  const lines = (await readFile(file, 'utf8')).split('\n');
  expect(lines.slice(-2)).toEqual([
    expect.stringMatching(/^\{"end":\{"count":50000,"sha256":"[0-9a-f]{64}"\}\}$/),
    '',
  ]);
  expect(await run('export', '--store', url, '--output', file)).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining('exists already') },
  });
  const csv = await run('export', '--store', url, '--format', 'csv', '--end', '1970-01-01T00:00:00.000000002Z');
  expect(csv.stdout.split('\n')).toHaveLength(5);
  expect(csv.stdout).toMatch(/\n#end,count=2,sha256=[0-9a-f]{64}\n$/);
  expect(csv.stderr).toBe('2 samples exported\n');
}, 120_000);
