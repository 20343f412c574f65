import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { RecordingLogger, exampleSample } from '@nephoscope/testing';

import plugin from '../src/index.js';
import { realClock } from './store-at.js';

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
const umask = process.umask();
afterAll(() => {
  process.umask(umask);
  rmSync(folder, { recursive: true });
});

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

async function startedAt(path: string) {
  const logger = new RecordingLogger();
  const options = plugin.options.parse({ url: `sqlite:${path}` });
  const store = plugin.create({ options, logger, clock: realClock, host: 'test' });
  await store.start(never);
  return { store, warnings: () => logger.entries.filter(({ level }) => level === 'warn') };
}

it.each([0o000, 0o022, 0o077])('creates files that only their owner can access, with umask %i', async (value) => {
  process.umask(value);
  const path = join(folder, `new-${value}`, 'below', 'samples.db');
  const { store, warnings } = await startedAt(path);
  await store.record([exampleSample()]);
  expect([path, `${path}-wal`, `${path}-shm`].map(mode)).toEqual(['600', '600', '600']);
  expect([dirname(path), dirname(dirname(path))].map(mode)).toEqual(['700', '700']);
  expect(warnings()).toEqual([]);
  await store.stop();
});

it.each([
  [0o666, 0o700, 'every user of this machine can read and change the samples'],
  [0o600, 0o777, 'every user of this machine can replace the samples'],
  [0o600, 0o1777, undefined],
  [0o600, 0o755, undefined],
])(
  'warns about a database of mode %i in a folder of mode %i if other users can access it',
  async (file, dir, told) => {
    const path = join(folder, `open-${file}-${dir}`, 'samples.db');
    await (await startedAt(path)).store.stop();
    chmodSync(path, file);
    chmodSync(dirname(path), dir);
    const { store, warnings } = await startedAt(path);
    expect(warnings().map(({ message }) => message)).toEqual(
      told === undefined ? [] : [expect.stringContaining(told)],
    );
    await store.stop();
  },
);

it('warns about an older database that every user can read, and does not change it', async () => {
  const path = join(folder, 'old.db');
  await (await startedAt(path)).store.stop();
  chmodSync(path, 0o644);
  const { store, warnings } = await startedAt(path);
  expect(warnings().map(({ message }) => message)).toEqual([expect.stringContaining(`chmod o-rwx ${path}`)]);
  expect(mode(path)).toBe('644');
  await store.stop();
  chmodSync(path, 0o640);
  const again = await startedAt(path);
  expect(again.warnings()).toEqual([]);
  await again.store.stop();
});
