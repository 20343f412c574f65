import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '@nephoscope/runtime';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger, exampleSample } from '@nephoscope/testing';

import { nephoscope } from './command.js';

const hour = 3_600_000_000_000n;
const day = 24n * hour;
const { signal } = new AbortController();

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nephoscope-rollups-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

it('rollups are checked against their samples, and made again', async () => {
  const url = `sqlite:${join(directory, 'samples.db')}`;
  const store = sql.create({
    options: sql.options.parse({ url }),
    logger: new RecordingLogger(),
    ...{ clock: systemClock, host: 'tests' },
  });
  const start = (systemClock.now() / day - 5n) * day;
  await store.start(signal);
  try {
    await store.record(
      Array.from({ length: 73 }, (_, at) =>
        exampleSample({ epoch: 'run', timestamp: start + BigInt(at) * hour, volume: `${at}` }),
      ),
    );
    const run = (command: string) => nephoscope(directory, 'rollups', command, '--store', url);
    expect(await run('check')).toMatchObject({
      code: 0,
      stdout: '0 days of series are what their samples say.\n',
    });
    while ((await store.rollups?.turn(start + 3n * day, signal))?.isMore === true);
    expect(await run('check')).toMatchObject({
      code: 0,
      stdout: '3 days of series are what their samples say.\n',
    });
    const rebuilt = await run('rebuild');
    expect(rebuilt).toMatchObject({ code: 0 });
    expect(rebuilt.stdout).toContain('72 samples are rolled up to 72 hours of series');
    expect(await run('check')).toMatchObject({
      code: 0,
      stdout: '3 days of series are what their samples say.\n',
    });
  } finally {
    await store.stop();
  }
});
