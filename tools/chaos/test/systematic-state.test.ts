import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Sweep } from '../systematic/sweep.js';

const program = fileURLToPath(new URL('sweep-state.ts', import.meta.url));

// In a process of its own, of which the calls to the disk can be changed.
it('an agent whose state directory fails or is left by a crash at any step starts, and all is right', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, '70']);
  const { cuts, wrong } = JSON.parse(stdout) as Sweep;
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(25);
}, 120_000);
