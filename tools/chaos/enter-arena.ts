import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { bundle } from '../testbed/bundle.js';
import { environment } from '../testbed/processes.js';
import type { Report } from './report.js';
import type { RunOptions } from './run.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folders that every system has for file systems that are mounted for a while. */
const mountPoints = ['/mnt', '/media', '/srv'];

/**
 * Runs one test in separate namespaces, where small disks can be mounted that are invisible elsewhere. Nothing of it
 * is left when this process ends for whatever reason: the kernel then kills the first process in there, with it all
 * others, and unmounts everything.
 *
 * @throws Error if it ended without a report
 */
export async function enterArena(
  options: Omit<RunOptions, 'directory' | 'logs'> & { readonly logs: string | undefined },
  signal: AbortSignal,
): Promise<Report> {
  signal.throwIfAborted();
  // Nothing is covered, this project least of all.
  const directory = mountPoints.find((path) => existsSync(path) && readdirSync(path).length === 0);
  if (directory === undefined)
    throw new Error(`there is no empty folder to mount on: empty one of ${mountPoints.join(', ')}`);
  // With the packages as they are built, like the programs.
  const script = await bundle(new URL('arena.ts', import.meta.url), 'built');
  const arena = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...[process.execPath, script, JSON.stringify({ ...options, directory })],
    ],
    {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
      // Ctrl-C in a terminal is for this process, which then closes stdin.
      detached: true,
      env: environment,
    },
  );
  arena.stdin.on('error', () => undefined); // It has ended: its exit code tells.
  const close = () => arena.stdin.end();
  signal.addEventListener('abort', close, { once: true });
  let output = '';
  arena.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code, by] = (await once(arena, 'close')) as [number | null, NodeJS.Signals | null];
  signal.removeEventListener('abort', close);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`the run ended with ${by ?? `exit code ${code}`}: see above`);
  return JSON.parse(output) as Report;
}
