import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, statfsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { RecordingLogger } from '@nephoscope/testing';

import { bundle } from '../../../tools/testbed/bundle.js';
import { Epochs } from '../src/epochs.js';
import { StateDirectory } from '../src/state-directory.js';
import { temporaryFolder } from './support.js';

const root = temporaryFolder();
const mounted: string[] = [];
const open: StateDirectory[] = [];
const logger = new RecordingLogger();
afterEach(async () => {
  await Promise.all(open.splice(0).map((directory) => directory.close()));
  for (const place of mounted.splice(0)) execFileSync('umount', [place]);
});

let count = 0;
const newPath = () => join(root, `state-${++count}`);

async function opened(path: string): Promise<StateDirectory> {
  const directory = new StateDirectory(path, logger);
  await directory.open();
  open.push(directory);
  return directory;
}

it('creates a new agent id, and keeps it from then on', async () => {
  const path = join(newPath(), 'deeper');
  const directory = await opened(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  const fresh = await directory.load();
  expect(fresh).toMatchObject({ sequence: 0n, dropped: {}, epochs: {} });
  const epochs = new Epochs({
    vm: { run: 'r', recurrence: 1, ended: false, series: { 'cpu vm': ['18446744073709551615', 2] } },
  });
  const state = { agentId: fresh.agentId, sequence: 2n ** 60n + 1n, dropped: { cpu: 2n ** 55n + 1n } };
  await directory.save(state);
  await directory.saveEpochs(epochs);
  expect(await directory.load()).toEqual({
    ...state,
    epochs: epochs.toJSON(),
  });
});

it('removes partial files that a crash left, and nothing else', async () => {
  const path = newPath();
  const directory = await opened(path);
  const names = ['epochs.json.1234567', 'state.json.99', 'epochs.json.tmp', 'state.json.tmp'];
  for (const name of [...names, 'epochs.json.of-yesterday']) writeFileSync(join(path, name), 'half');
  await directory.load();
  expect(readdirSync(path).sort()).toEqual(['epochs.json.of-yesterday', 'lock']);
});

it.each(['state.json', 'state.previous.json'])('keeps the agent id when %s is lost', async (name) => {
  const path = newPath();
  const directory = await opened(path);
  const { agentId } = await directory.load();
  const state = { agentId, sequence: 7n, dropped: { cpu: 3n } };
  await directory.save({ ...state, sequence: 6n });
  await directory.save(state);
  await directory.saveEpochs(new Epochs());
  writeFileSync(join(path, name), Buffer.alloc(100));
  expect(await directory.load()).toEqual({ ...state, epochs: {} });
});

it('warns when the epochs of an existing agent are missing', async () => {
  const path = newPath();
  const directory = await opened(path);
  const { agentId } = await directory.load();
  await directory.save({ agentId, sequence: 7n, dropped: {} });
  logger.entries.length = 0;
  expect(await directory.load()).toMatchObject({ agentId, epochs: {} });
  expect(logger.entries.map(({ message }) => message)).toEqual([
    `the state directory ${path} no longer has an epochs.json: values that fell and devices unplugged while no agent was running are not noticed`,
  ]);
});

it('can be used by one agent at a time, also by another path', async () => {
  const path = newPath();
  const first = await opened(path);
  const link = `${path}-link`;
  symlinkSync(path, link);
  for (const name of [path, link]) {
    await expect(new StateDirectory(name, logger).open()).rejects.toMatchObject({
      code: 'STATE_DIRECTORY',
      message: `the state directory ${path} is in use by another agent; give each agent its own (compute.stateDirectory)`,
    });
  }
  await first.close();
  await opened(path);
});

let holder: string;
beforeAll(async () => {
  holder = await bundle(new URL('hold-state-directory.ts', import.meta.url));
});

it('is released when its owner is killed', async () => {
  const path = newPath();
  const owner = spawn(process.execPath, [holder, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  await expect(new StateDirectory(path, logger).open()).rejects.toMatchObject({ code: 'STATE_DIRECTORY' });
  const ended = once(owner, 'exit');
  owner.kill('SIGKILL');
  await ended;
  await opened(path);
});

const hold = (path: string) => [process.execPath, holder, path];

/** Runs a command and resolves with its output and its exit code. */
async function ran([command, ...args]: readonly string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(command as string, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

it.each([
  ['another network namespace', ['unshare', '--net']],
  ['another process and mount namespace', ['unshare', '--pid', '--fork', '--mount', '--mount-proc']],
  [
    'all namespaces of a container',
    ['unshare', '--net', '--pid', '--fork', '--mount-proc', '--ipc', '--uts', '--cgroup'],
  ],
])(
  'is locked for a process in %s, too',
  async (_, within) => {
    const path = newPath();
    const mine = await opened(path);
    const { code, text } = await ran([...within, ...hold(path)]);
    expect(text).toContain('is in use by another agent');
    expect(code).toBe(1);
    await mine.close();
  },
  30_000,
);

it('cannot be locked by another user', async () => {
  const path = newPath();
  mkdirSync(path);
  // As an earlier version or an operator may have left it.
  chmodSync(root, 0o755);
  chmodSync(path, 0o755);
  writeFileSync(join(path, 'lock'), '', { mode: 0o644 });
  await (await opened(path)).close();
  expect(statSync(path).mode & 0o777).toBe(0o750);
  expect(statSync(join(path, 'lock')).mode & 0o777).toBe(0o600);
  chmodSync(path, 0o755);
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const { code, text } = await ran([...nobody, 'flock', '-n', join(path, 'lock'), 'echo', 'taken']);
  expect(text).toContain('Permission denied');
  expect(code).not.toBe(0);
});

it('is not locked if its lock was copied with it', async () => {
  const path = newPath();
  await opened(path);
  execFileSync('cp', ['-a', path, `${path}-copy`]);
  await opened(`${path}-copy`);
});

it('may have a longer path than a socket', async () => {
  const path = join(newPath(), 'x'.repeat(100), 'y'.repeat(100));
  await opened(path);
  await expect(new StateDirectory(path, logger).open()).rejects.toMatchObject({ code: 'STATE_DIRECTORY' });
});

it('is opened by exactly one of many agents that start together', async () => {
  const path = newPath();
  for (let round = 0; round < 10; round++) {
    const directories = Array.from({ length: 8 }, () => new StateDirectory(path, logger));
    const results = await Promise.allSettled(directories.map((directory) => directory.open()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await Promise.all(directories.map((directory) => directory.close()));
  }
}, 30_000);

it('can be opened at once by the next agent after its owner was killed, repeatedly', async () => {
  const path = newPath();
  for (let round = 0; round < 4; round++) {
    const [command, ...args] = hold(path) as [string];
    const next = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const answer = once(next.stdout, 'data');
    expect(String(await answer)).toBe('taken\n');
    const ended = once(next, 'exit');
    next.kill('SIGKILL');
    await ended;
  }
}, 60_000);

it('names a folder that cannot be created', async () => {
  const file = newPath();
  writeFileSync(file, '');
  await expect(new StateDirectory(join(file, 'state'), logger).open()).rejects.toMatchObject({
    code: 'STATE_DIRECTORY',
    message: `the state directory ${file}/state cannot be created; set compute.stateDirectory to a directory that this user can write to`,
  });
});

describe('on a disk', () => {
  function disk(...options: string[]): string {
    const place = newPath();
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', ['size=64k', ...options].join(), 'tmpfs', place]);
    mounted.push(place);
    return place;
  }
  const fill = (place: string) => {
    const { bavail, bsize } = statfsSync(place);
    writeFileSync(join(place, 'filler'), Buffer.alloc(bavail * bsize));
  };

  it('that is full keeps its previous contents completely', async () => {
    const place = disk();
    const directory = await opened(place);
    const state = { agentId: 'a', sequence: 1n, dropped: {} };
    await directory.save(state);
    fill(place);
    const full = { code: 'STATE_DIRECTORY', cause: expect.objectContaining({ code: 'ENOSPC' }) };
    await expect(directory.save({ ...state, sequence: 2n })).rejects.toMatchObject({
      ...full,
      message: `the state directory ${place} cannot take state.json; free space, or fix its permissions`,
    });
    execFileSync('rm', [join(place, 'filler')]);
    expect(await directory.load()).toMatchObject({ sequence: 1n });
  });

  it('that is read-only from the start is reported', async () => {
    const place = disk();
    execFileSync('mount', ['-o', 'remount,ro', place]);
    await expect(new StateDirectory(place, logger).open()).rejects.toMatchObject({
      code: 'STATE_DIRECTORY',
      cause: expect.objectContaining({ code: 'EROFS' }),
    });
  });

  it('that becomes read-only is reported', async () => {
    const place = disk();
    const directory = await opened(place);
    // Its lock is a file open for writing, which would prevent the remount.
    await directory.close();
    execFileSync('mount', ['-o', 'remount,ro', place]);
    await expect(directory.save({ agentId: 'a', sequence: 1n, dropped: {} })).rejects.toMatchObject({
      code: 'STATE_DIRECTORY',
      cause: expect.objectContaining({ code: 'EROFS' }),
    });
  });
});

it('makes its files inaccessible to other users', async () => {
  const path = newPath();
  mkdirSync(path);
  chmodSync(path, 0o755);
  const directory = await opened(path);
  await directory.save({ agentId: 'a', sequence: 1n, dropped: {} });
  await directory.saveEpochs(new Epochs());
  for (const name of ['state.json', 'epochs.json']) expect(statSync(join(path, name)).mode & 0o077).toBe(0);
});
