/**
 * `node arena.mjs '<options>'`: the first process of namespaces of its own (main.ts), where one run takes place. Prints its
 * report as JSON. Its end, which is also that of its stdin, is the end of everything that it started and mounted.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { run as runProgram } from '../testbed/processes.js';
import { run } from './run.js';
import type { RunOptions } from './run.js';

const options = JSON.parse(process.argv[2] ?? '{}') as Omit<RunOptions, 'directory' | 'logs'> & {
  /** An existing folder, which a file system covers that only these processes see. */
  readonly directory: string;
  readonly logs: string | undefined;
};

process.stdin
  .resume()
  .once('end', () => process.exit(1))
  .once('error', () => process.exit(1));

try {
  const { directory } = options;
  await runProgram('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', directory]);
  const temporary = join(directory, 'tmp');
  await mkdir(temporary, { mode: 0o1777 });
  process.env['TMPDIR'] = temporary;
  const report = await run({ ...options, logs: options.logs ?? join(directory, 'logs') });
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(`${(error as Error).stack ?? String(error)}\n`, () => process.exit(1));
}
