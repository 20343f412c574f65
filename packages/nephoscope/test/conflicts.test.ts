import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { conflictRule } from '@nephoscope/collector';
import type { Sample, SampleFilter } from '@nephoscope/core/sample-store';
import sql from '@nephoscope/storage-sql';
import { exampleSample, FakeClock, RecordingLogger } from '@nephoscope/testing';

import { conflicts } from '../src/conflicts.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-conflicts-'));
let stores = 0;
afterAll(() => rmSync(folder, { recursive: true }));

const hour = 3_600_000_000_000n;
const noon = 1_795_780_800_000_000_000n;

/** A sample that a collector recorded of an announced volume. */
function announced(messageId: string, volume: string, fields: Partial<Sample> = {}): Sample {
  return exampleSample({
    messageId,
    volume,
    meter: 'volume.size',
    type: 'gauge',
    resourceId: 'victim',
    timestamp: noon,
    publisherId: 'collector.c1',
    sequence: null,
    epoch: null,
    ...fields,
  });
}

function beside(first: string, messageId: string, volume: string, fields: Partial<Sample> = {}): Sample {
  const sample = announced(messageId, volume, fields);
  return { ...sample, text: sample.text.replace('{', `{"conflicts_with": "${first}", `) };
}

/** The command's output for a store with these samples. */
async function shown(samples: readonly Sample[], filter: Partial<SampleFilter> = {}, limit?: number) {
  const options = sql.options.parse({ url: `sqlite:${join(folder, `${++stores}.db`)}` });
  const settings = { options, logger: new RecordingLogger(), clock: new FakeClock(), host: 'tests' };
  const [store, reader] = [sql.create(settings), sql.createReader(settings)];
  const { signal } = new AbortController();
  await store.start(signal);
  await reader.start(signal);
  await store.record(samples);
  const found: (readonly string[])[] = [];
  for await (const { id, figures } of conflicts(reader, { scope: 'all', ...filter, limit }, signal))
    found.push([
      id,
      ...figures.map(({ sample, recorded, counts }) => {
        const { volume, projectId } = sample;
        return `${recorded}: ${volume} of ${projectId}${counts ? ', counts' : ''}`;
      }),
    ]);
  await reader.stop();
  await store.stop();
  return found;
}

describe('if an event has several figures', () => {
  it('the largest volume of each project counts', async () => {
    const found = await shown([
      announced('e-1', '0'),
      beside('e-1', 'e-1b', '1000', { timestamp: noon + 1n }),
      beside('e-1', 'e-1c', '99', { projectId: 'p2' }),
      announced('another', '5', { resourceId: 'other' }),
    ]);
    expect(found).toEqual([
      ['e-1', 'first: 0 of project-1', 'beside: 1000 of project-1, counts', 'beside: 99 of p2, counts'],
    ]);
  });

  it('the first counts among those that differ in something other than the volume', async () => {
    const found = await shown([announced('e-1', '1.0'), beside('e-1', 'e-2', '1', { userId: 'u2' })]);
    expect(found).toEqual([['e-1', 'first: 1.0 of project-1, counts', 'beside: 1 of project-1']]);
  });

  it('the reading of a central agent within the next day counts instead, even if others are larger', async () => {
    const central = { publisherId: 'central.c1' };
    const found = await shown([
      announced('e-1', '1000'),
      beside('e-1', 'e-2', '999999'),
      announced('before', '7', { ...central, timestamp: noon - hour }),
      announced('another', '8', { ...central, timestamp: noon + hour, meter: 'volume' }),
      announced('read', '1000', { ...central, timestamp: noon + hour }),
      announced('later', '2000', { ...central, timestamp: noon + 2n * hour }),
    ]);
    expect(found).toEqual([
      [
        'e-1',
        'first: 1000 of project-1',
        'beside: 999999 of project-1',
        'read by a central agent: 1000 of project-1, counts',
      ],
    ]);
  });

  it('the remaining ones are shown after retention has removed the first', async () => {
    expect(await shown([beside('gone', 'e-2', '3')])).toEqual([['gone', 'beside: 3 of project-1, counts']]);
  });

  it('shows only matching ones, the newest first', async () => {
    const samples = ['a', 'b', 'c'].flatMap((resourceId, at) => {
      const of = { resourceId, timestamp: noon + BigInt(at) * hour };
      return [announced(`${resourceId}-1`, '1', of), beside(`${resourceId}-1`, `${resourceId}-2`, '2', of)];
    });
    const ids = (found: readonly (readonly string[])[]) => found.map(([id]) => id);
    expect(ids(await shown(samples))).toEqual(['c-1', 'b-1', 'a-1']);
    expect(ids(await shown(samples, {}, 2))).toEqual(['c-1', 'b-1']);
    expect(ids(await shown(samples, { resources: ['b'] }))).toEqual(['b-1']);
    expect(ids(await shown(samples, { start: noon, end: noon + hour }))).toEqual(['a-1']);
  });
});

it('the rule is quoted word for word in the documentation', () => {
  const text = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8');
  expect(text.replaceAll(/\s*\n> |\s+/g, ' ')).toContain(conflictRule);
});
