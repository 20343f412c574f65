import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { jest } from '@jest/globals';
import { RecordingLogger } from '@nephoscope/testing';
import fc from 'fast-check';

import { readFrames } from '../../src/disk/framing.js';
import { Epochs } from '../../src/epochs.js';
import { EpochStore } from '../../src/state/epoch-store.js';
import { copyAsKilled, temporaryFolder } from '../support.js';
import { settle } from './support.js';

const root = temporaryFolder();
let count = 0;
const newFolder = () => {
  const folder = join(root, String(++count));
  mkdirSync(folder);
  return folder;
};
const stores: (() => Promise<void>)[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const close of stores.splice(0)) await close();
});

/** A store in this folder, the epochs that it held, and its log. */
async function opened(folder: string) {
  const logger = new RecordingLogger();
  const store = new EpochStore(folder, logger);
  const stored = await store.load();
  stores.push(() => store.close(new Epochs()));
  const told = () => logger.entries.filter(({ level }) => level !== 'debug').map(({ message }) => message);
  return { store, stored, epochs: new Epochs(stored), told, folder, save: (epochs: Epochs) => store.save(epochs) };
}

/** A copy of the folder, as after kill -9. */
function copied(folder: string): string {
  return copyAsKilled(folder, newFolder());
}

const journals = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.journal'));

/** Two runs of the agent, both killed: a snapshot, the previous one, a journal for each, and a fall in the last. */
async function written() {
  const first = await opened(newFolder());
  settle(first.epochs, 'one', 100n);
  settle(first.epochs, 'two', 100n);
  await first.save(first.epochs);
  settle(first.epochs, 'one', 50n);
  await first.save(first.epochs);
  const second = await opened(copied(first.folder));
  settle(second.epochs, 'two', 110n);
  await second.save(second.epochs);
  settle(second.epochs, 'two', 20n);
  await second.save(second.epochs);
  return copied(second.folder);
}

it('restores the last saved state, whatever it was and whenever the process is killed', async () => {
  const act = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    device: fc.constantFrom('x', 'y'),
    volume: fc.bigInt({ min: 0n, max: 2n ** 64n }),
    run: fc.constantFrom('r', 'r', 's', ''),
    gone: fc.boolean(),
    saved: fc.boolean(),
    killed: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
      let one = await opened(newFolder());
      let epochs = new Epochs(one.stored, { full: 1, remains: 1 });
      for (const { id, device, volume, run, gone, saved, killed } of acts) {
        settle(epochs, id, volume, { device, run });
        if (gone) epochs.listed(new Set(['a', 'b'].filter((other) => other !== id)));
        if (!saved) continue;
        await one.save(epochs);
        if (!killed) continue;
        const before = epochs.toJSON();
        one = await opened(copied(one.folder));
        expect(one.stored).toEqual(before);
        epochs = new Epochs(one.stored, { full: 1, remains: 1 });
      }
    }),
    { numRuns: 40 },
  );
});

it('writes only changes, and nothing if there are none', async () => {
  const { epochs, folder, save } = await opened(newFolder());
  const ids = Array.from({ length: 50 }, (_, index) => `instance-${index}`);
  for (const id of ids) settle(epochs, id, 1n);
  await save(epochs);
  expect(journals(folder)).toEqual([]);
  const snapshot = statSync(join(folder, 'epochs.json'));
  for (const id of ids) settle(epochs, id, id === 'instance-7' ? 2n : 1n);
  await save(epochs);
  const [journal] = journals(folder);
  const { size } = statSync(join(folder, journal!));
  expect(size).toBeLessThan(200);
  for (const id of ids) settle(epochs, id, id === 'instance-7' ? 2n : 1n);
  await save(epochs);
  expect(statSync(join(folder, journal!)).size).toBe(size);
  expect(statSync(join(folder, 'epochs.json')).ino).toBe(snapshot.ino);
});

it('writes a snapshot when the journal is large, and keeps the previous snapshot and journal, but no older ones', async () => {
  const { epochs, folder, save } = await opened(newFolder());
  const device = 'x'.repeat(200_000);
  let written = 0;
  for (let volume = 0n; volume < 120n; volume += 1n) {
    settle(epochs, 'one', volume, { device });
    await save(epochs);
    written += 200_000;
  }
  expect(written).toBeGreaterThan(5 * 4 * 1024 * 1024);
  expect(readdirSync(folder).sort()).toEqual(['epochs.json', 'epochs.previous.json', ...journals(folder)].sort());
  expect(journals(folder).length).toBeLessThanOrEqual(2);
  expect((await opened(copied(folder))).stored).toEqual(epochs.toJSON());
});

it('writes everything into one file when it is closed', async () => {
  const { epochs, folder, store } = await opened(newFolder());
  settle(epochs, 'one', 10n);
  await store.save(epochs);
  settle(epochs, 'one', 5n);
  await store.save(epochs);
  settle(epochs, 'one', 6n);
  await store.close(epochs);
  const copy = copied(folder);
  for (const name of [...journals(copy), 'epochs.previous.json']) rmSync(join(copy, name));
  const again = await opened(copy);
  expect(again.stored).toEqual(epochs.toJSON());
  expect(settle(again.epochs, 'one', 7n)).toBe('r+1');
});

it.each<[string, (text: Buffer) => Buffer | undefined]>([
  ['is truncated', (text) => text.subarray(0, text.length / 2)],
  ['is empty', () => Buffer.alloc(0)],
  ['is zeros', (text) => Buffer.alloc(text.length)],
  ['has a different digit', (text) => Buffer.from(text.toString().replace('"110"', '"910"'))],
  ['has other contents', () => Buffer.from('null')],
  ['is missing', () => undefined],
])('loses nothing of a snapshot that %s, and logs it', async (_, damage) => {
  const folder = await written();
  const whole = (await opened(copied(folder))).stored;
  const path = join(folder, 'epochs.json');
  const damaged = damage(readFileSync(path));
  rmSync(path);
  if (damaged !== undefined) writeFileSync(path, damaged);
  const again = await opened(folder);
  expect(again.told()).toEqual([
    expect.stringContaining(`its contents are restored from ${folder}/epochs.previous.json`),
  ]);
  expect(again.stored).toEqual(whole);
  expect(settle(again.epochs, 'one', 60n)).toBe('r+1');
  expect(settle(again.epochs, 'two', 30n)).toBe('r+1');
  // The damaged snapshot does not replace the copy.
  await again.save(again.epochs);
  rmSync(path);
  const third = await opened(copied(folder));
  expect(settle(third.epochs, 'two', 19n)).toBe('r+2');
});

it('needs no copy if the snapshot is intact', async () => {
  const folder = await written();
  const whole = (await opened(copied(folder))).stored;
  rmSync(join(folder, 'epochs.previous.json'));
  const again = await opened(folder);
  expect([again.stored, again.told()]).toEqual([whole, []]);
});

it('refuses to start empty if neither can be read, and says what to do', async () => {
  const folder = await written();
  for (const name of ['epochs.json', 'epochs.previous.json']) writeFileSync(join(folder, name), '{');
  await expect(opened(folder)).rejects.toMatchObject({
    code: 'STATE_DIRECTORY',
    message: `the state directory ${folder} has a file ${folder}/epochs.json that cannot be read, and no good copy of it: fix the disk or its permissions. It is needed as it was when the agent ended: an older one would change what is billed`,
    cause: expect.any(Error),
  });
});

it.each([
  ['half of a write', (record: Buffer) => record.subarray(0, 60)],
  ['zeros', () => Buffer.alloc(500)],
  ['a single byte', () => Buffer.alloc(1)],
])('continues after %s that a power loss left in the journal', async (_, rest) => {
  const folder = await written();
  const whole = (await opened(copied(folder))).stored;
  const path = join(folder, journals(folder).at(-1)!);
  appendFileSync(path, rest(readFileSync(path)));
  const again = await opened(folder);
  expect([again.stored, again.told()]).toEqual([whole, []]);
  settle(again.epochs, 'two', 10n);
  await again.save(again.epochs);
  expect((await opened(copied(folder))).stored).toEqual(again.epochs.toJSON());
});

it('skips a damaged record, logs it, and uses the later ones', async () => {
  const { epochs, folder, save } = await opened(newFolder());
  await save(epochs);
  for (const volume of [10n, 5n, 6n]) {
    settle(epochs, 'one', volume);
    await save(epochs);
  }
  const path = join(folder, journals(folder)[0]!);
  const bytes = readFileSync(path);
  bytes.write('X', bytes.indexOf('"5"'));
  writeFileSync(path, bytes);
  const again = await opened(folder);
  expect(again.told()).toEqual([expect.stringContaining(`1 records of ${path} are damaged and were skipped`)]);
  expect(again.stored).toEqual(epochs.toJSON());
});

it('opens a file of the previous version', async () => {
  const folder = newFolder();
  const run = { run: 'r', recurrence: 0, ended: false, series: { 'disk.device.read.bytes one-disk': ['10', 2] } };
  const before = { one: { ...run, lastSeen: 5 }, two: { ...run, run: 's', ended: true, lastSeen: 3, begun: 1 } };
  writeFileSync(join(folder, 'epochs.json'), JSON.stringify(before));
  const { epochs, save, told } = await opened(folder);
  expect(told()).toEqual([]);
  expect(settle(epochs, 'one', 9n)).toBe('r+3');
  await save(epochs);
  settle(epochs, 'two', 9n, { run: 's' });
  await save(epochs);
  const after = await opened(copied(folder));
  expect(after.stored).toEqual(epochs.toJSON());
  expect(Object.keys(after.stored!)).toEqual(['two', 'one']);
  expect(settle(after.epochs, 'two', 8n, { run: 's' })).toBe('s.1+1');
});

describe('on a disk that fails', () => {
  async function failing(method: 'writev' | 'datasync' | 'truncate' | 'sync' | 'writeFile', times = 1) {
    const handle = await open(root);
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const real = prototype[method] as (...given: unknown[]) => Promise<unknown>;
    let left = times;
    jest.spyOn(prototype, method).mockImplementation(function (this: FileHandle, ...given: unknown[]) {
      if (left-- > 0) return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
      return real.apply(this, given) as never;
    } as never);
  }

  it.each([
    ['a write', ['writev'], 1],
    ['a sync', ['datasync'], 1],
    ['a sync and of the truncation after it', ['datasync', 'truncate'], 1],
    ['all syncs for a while', ['datasync'], 5],
  ] as const)('retries after a failure of %s, and loses no change', async (_, methods, times) => {
    const { epochs, folder, save } = await opened(newFolder());
    settle(epochs, 'one', 10n);
    await save(epochs);
    settle(epochs, 'one', 11n);
    await save(epochs);
    for (const method of methods) await failing(method, times);
    settle(epochs, 'one', 5n);
    await expect(save(epochs)).rejects.toMatchObject({ code: 'STATE_DIRECTORY' });
    settle(epochs, 'two', 7n);
    jest.restoreAllMocks();
    await save(epochs);
    settle(epochs, 'two', 6n);
    await save(epochs);
    expect((await opened(copied(folder))).stored).toEqual(epochs.toJSON());
  });

  it.each(['writeFile', 'sync'] as const)(
    'continues with the journal if %s of a snapshot fails',
    async (method) => {
      const { epochs, folder, save, told } = await opened(newFolder());
      await save(epochs);
      const device = 'x'.repeat(3_000_000);
      for (let volume = 9n; volume > 7n; volume -= 1n) {
        settle(epochs, 'one', volume, { device });
        await save(epochs);
      }
      for (let volume = 7n; volume > 5n; volume -= 1n) {
        settle(epochs, 'one', volume, { device });
        await failing(method, 1);
        await save(epochs);
        jest.restoreAllMocks();
        expect((await opened(copied(folder))).stored).toEqual(epochs.toJSON());
      }
      expect(told()).toEqual([expect.stringContaining('cannot take epochs.json')]);
    },
  );
});

test('reads the state of a large host, which consists of several records and parts', async () => {
  const { epochs, folder, save } = await opened(newFolder());
  const ids = Array.from({ length: 1_200 }, (_, index) => `instance ${index} é`);
  await save(epochs);
  for (const id of ids) settle(epochs, id, 100n);
  await save(epochs);
  const [journal] = journals(folder);
  const { records } = readFrames(readFileSync(join(folder, journal!)), (bytes) => bytes.length);
  expect(records.length).toBeGreaterThan(1);
  expect(Math.max(...records.map(({ record }) => record))).toBeLessThan(70 * 1024);
  for (const id of ids) settle(epochs, id, 50n);
  await save(epochs);

  const replayed = await opened(copied(folder));
  expect(replayed.epochs.toJSON()).toEqual(epochs.toJSON());
  expect(Object.keys(replayed.epochs.toJSON())).toEqual(ids);
  await replayed.store.close(replayed.epochs);
  const snapshot = await opened(copied(replayed.folder));
  expect(snapshot.epochs.toJSON()).toEqual(epochs.toJSON());
  expect(snapshot.told()).toEqual([]);
});
