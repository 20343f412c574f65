import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { bundle } from '../../../../tools/testbed/bundle.js';
import { AppendReader } from '../../src/spool/append-reader.js';
import { counted, temporaryFolder } from '../support.js';
import { onDisk, textOf } from './support.js';

const folder = join(temporaryFolder(), 'killed');
let program: string;
beforeAll(async () => {
  program = await bundle(new URL('spooling-process.ts', import.meta.url));
});

function start(mode: string) {
  return spawn(process.execPath, [program, folder, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

it('leaves no gap and loses nothing when the process is killed repeatedly while it appends', async () => {
  mkdirSync(folder);
  const durable = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const child = start('append');
    await once(child.stdout, 'data');
    await sleep(20 + Math.random() * 300);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    for (const { records } of onDisk(join(folder, 'spool'))) {
      // Nothing of an interrupted append was accepted, and its numbers are reused.
      const appends = new AppendReader();
      for (const { record } of records.flatMap((read) => appends.take(read)))
        if (record.kind === 'message') durable.add(textOf(record.message).trimEnd());
    }
  }
  expect(await once(start('drain'), 'exit')).toEqual([0, null]);

  const confirmed = readFileSync(join(folder, 'confirmed'), 'utf8').split('\n').filter(Boolean);
  const distinct = [...new Set(confirmed)];
  // Each with one id, in order; messages that were being sent are sent again.
  expect(distinct.map((text) => Number(text.split(' ')[0]))).toEqual(counted(distinct.length));
  for (const text of durable) expect(distinct).toContain(text);
  expect(distinct.length).toBeGreaterThanOrEqual(durable.size);
  expect(confirmed.length - distinct.length).toBeLessThanOrEqual(5 * 10_000);
  expect(onDisk(join(folder, 'spool'))).toHaveLength(1);
}, 60_000);
