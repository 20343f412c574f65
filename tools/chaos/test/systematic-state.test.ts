import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { bundle } from '../../testbed/bundle.js';
import type { Sweep } from '../systematic/sweep.js';

// In a separate process, whose calls to the disk can be replaced.
it('makes calls to the state directory fail, and crashes at some of them: the agent starts again with a consistent state', async () => {
  const program = await bundle(new URL('sweep-state.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '70']);
  const { cuts, wrong } = JSON.parse(stdout) as Sweep;
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(25);
}, 120_000);
