import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { bundle } from '../../../tools/testbed/bundle.js';
import { all } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

let recording: string;
let ending: string;
beforeAll(async () => {
  recording = await bundle(new URL('record-batches.ts', import.meta.url));
  ending = await bundle(new URL('exit-in-batch.ts', import.meta.url));
});

function recorder(path: string, batches?: number) {
  const child = spawn(process.execPath, [recording, path, ...(batches === undefined ? [] : [`${batches}`])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const ended = once(child, 'close').then(([code]) => {
    children.delete(child);
    return code as number | null;
  });
  return { child, ended, lines: createInterface({ input: child.stdout }) };
}

/** The number of samples of each batch of each run. */
async function batchesIn(path: string): Promise<Map<string, number>> {
  const batches = new Map<string, number>();
  for (const { publisherId, sequence } of await all({ path })) {
    const key = `${publisherId}/${sequence}`;
    batches.set(key, (batches.get(key) ?? 0) + 1);
  }
  return batches;
}

it('contains every batch that was reported as recorded, and no partial one, whenever the program is killed', async () => {
  const path = join(folder, 'killed.db');
  const reported = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const { child, ended, lines } = recorder(path);
    const killAfter = 2 + Math.floor(Math.random() * 20);
    for await (const line of lines) {
      if (line === 'started') continue;
      reported.add(`${child.pid}/${line}`);
      // At some moment within a batch.
      if (Number(line) === killAfter) setTimeout(() => child.kill('SIGKILL'), Math.random() * 15);
    }
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    const found = await batchesIn(path);
    expect([...reported].filter((key) => !found.has(key))).toEqual([]);
    expect([...found.values()].filter((count) => count !== 300)).toEqual([]);
  }
  expect(reported.size).toBeGreaterThanOrEqual(10);
});

it('is created once by programs that start at the same time, and accepts the samples of all', async () => {
  const path = join(folder, 'shared.db');
  const recorders = [recorder(path, 20), recorder(path, 20), recorder(path, 20)];
  expect(await Promise.all(recorders.map(({ ended }) => ended))).toEqual([0, 0, 0]);
  const found = await batchesIn(path);
  expect(found.size).toBe(60);
  expect([...found.values()].every((count) => count === 300)).toBe(true);
});

describe('a program that ends in the middle of a batch', () => {
  const endOf = async (...args: readonly string[]) => {
    const child = spawn(process.execPath, [ending, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.add(child);
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    children.delete(child);
    return code ?? signal;
  };

  it('exits with its own code, and the batch is complete or absent', async () => {
    const path = join(folder, 'left.db');
    expect(await endOf(path)).toBe(3);
    const [count = 0] = (await batchesIn(path)).values();
    expect([0, 5_000]).toContain(count);
  });

  it('ends even if the disk blocks its thread', async () => {
    const thread = join(folder, 'stuck.mjs');
    writeFileSync(thread, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);');
    expect(await endOf(join(folder, 'stuck.db'), thread)).toBe('SIGKILL');
  });
});
