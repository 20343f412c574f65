import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample, SampleStore } from '@nephoscope/core/sample-store';
import { systemClock } from '@nephoscope/runtime';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger, exampleSample } from '@nephoscope/testing';

import { Recording } from '../../src/import/recording.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-recording-'));
const day = 86_400_000;
let store: SampleStore;
let stores = 0;
beforeEach(async () => {
  const options = sql.options.parse({ url: `sqlite:${join(folder, `${++stores}.db`)}` });
  store = sql.create({ options, logger: new RecordingLogger(), clock: systemClock, host: 'tests' });
  await store.start(new AbortController().signal);
});
afterEach(() => store.stop());
afterAll(() => rmSync(folder, { recursive: true }));

async function record(samples: readonly Sample[], retention?: number) {
  const report: string[] = [];
  const recording = new Recording({
    ...{ store, retention, clock: systemClock },
    report: (place, problem) => Promise.resolve(void report.push(`${place} ${problem}`)),
  });
  for (const [at, sample] of samples.entries())
    await recording.add({ place: `F:${at + 1}`, sample, takenOver: true });
  await recording.finish();
  return { ...recording.counts, report };
}

const now = systemClock.now();
const example = (messageId: string, fields: Parameters<typeof exampleSample>[0] = {}) =>
  exampleSample({ messageId, timestamp: now, ...fields });

it('records a sample once, in one run and in several', async () => {
  const samples = ['a', 'b', 'a', 'c'].map((id) => example(id));
  expect(await record(samples)).toMatchObject({ recorded: 3, before: 1, refused: 0, report: [] });
  expect(await record([...samples, example('d')])).toMatchObject({ recorded: 1, before: 4, refused: 0 });
});

it.each([
  [{ volume: '2' }, 'its volume is 1, and not 2'],
  [{ timestamp: now + 1_000n }, 'its time is'],
  [{ projectId: null }, 'its projectId is project-1, and not null'],
  [{ unit: 's' }, 'its unit is ns, and not s'],
  [{ resourceId: 'other' }, 'its resourceId is resource-1, and not other'],
])('reports what differs from the sample of its id: %j', async (fields, difference) => {
  await record([example('a')]);
  const { report, ...counts } = await record([example('b'), example('a', fields)]);
  expect(counts).toMatchObject({ recorded: 1, before: 0, refused: 1 });
  expect(report).toEqual([
    expect.stringContaining(`F:2 another sample is recorded under its message id a: ${difference}`),
  ]);
});

it('the same number in another notation, and other metadata, are the same sample', async () => {
  await record([example('a', { volume: '15e-1' })]);
  expect(await record([example('a', { volume: '1.50', metadata: '{}' })])).toMatchObject({
    before: 1,
    refused: 0,
  });
});

it('refuses what was removed or would be, since it may be a copy', async () => {
  const old = (id: string, days: number) => example(id, { timestamp: now - BigInt(days * day) * 1_000_000n });
  const { report } = await record([example('new'), old('x', 20), old('y', 5)], 10 * day);
  expect(report).toEqual([expect.stringContaining('F:2 it is dated')]);
  await store.removeBefore(now - BigInt(2 * day) * 1_000_000n);
  const later = await record([old('y', 5), old('z', 1)]);
  expect(later).toMatchObject({ recorded: 1, refused: 1 });
});

it('refuses those that the store cannot represent, and records the others', async () => {
  const bad = { ...example('bad'), timestamp: 2n ** 70n };
  const samples = [example('a'), bad, example('b'), example('a')];
  const { report, ...counts } = await record(samples);
  expect(report).toEqual([expect.stringMatching(/^F:2 /)]);
  expect(counts).toMatchObject({ recorded: 2, before: 1, refused: 1 });
});
