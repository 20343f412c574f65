import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { bundle } from '../../testbed/bundle.js';
import type { Sweep } from '../systematic/sweep.js';

// In a process of its own, of which the calls to the disk can be changed.
it('an agent whose state directory fails or is left by a crash at any step starts, and all is right', async () => {
  const program = await bundle(new URL('sweep-state.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '70']);
  const { cuts, wrong } = JSON.parse(stdout) as Sweep;
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(25);
}, 120_000);
