import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { bundle } from '../../../tools/testbed/bundle.js';

it('a watched program ends when it is done', async () => {
  const program = await bundle(new URL('watched-program.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: 'ignore', timeout: 15_000 });
  expect(await once(child, 'exit')).toEqual([0, null]);
}, 30_000);
