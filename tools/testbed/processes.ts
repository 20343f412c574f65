import { spawn, type SpawnOptions } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Daemons are in directories that are not in a plain user's, and sometimes root's, PATH. */
export const environment: NodeJS.ProcessEnv = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };

/**
 * Runs a program to its end. It is out of reach of Ctrl-C in the terminal, so that also an interrupted
 * set-up can be undone.
 *
 * @returns what it wrote to stdout
 * @throws Error with the program's own words when it fails or takes longer than `deadline` (ms)
 */
export function run(
  command: string,
  args: readonly string[],
  { deadline = 30_000, env = environment }: { deadline?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options: SpawnOptions = { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] };
    const child = spawn(command, args, options);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const fail = (reason: string, cause?: Error) => {
      clearTimeout(timer);
      reject(new Error(`${[command, ...args].join(' ')}: ${reason}`, { cause }));
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`took longer than ${deadline / 1000} s`);
    }, deadline);
    child.once('error', (error) => fail(error.message, error));
    child.once('close', (code, signal) => {
      if (code !== 0) return fail(stderr.trim() || `ended with ${signal ?? `exit code ${code}`}`);
      clearTimeout(timer);
      resolve(stdout);
    });
  });
}

/**
 * Checks repeatedly until `condition` holds. The deadline counts only the pauses, so that it is later on a busy machine.
 *
 * @param deadline ms
 * @throws Error naming `what` after the deadline
 */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadline = 30_000,
): Promise<void> {
  const pause = 50;
  for (let waited = 0; !(await condition()); waited += pause) {
    if (waited >= deadline) throw new Error(`Not within ${deadline / 1000} s: ${what}`);
    await sleep(pause);
  }
}

/** Whether a process of that id is there. One that ended, all of its threads, counts no more. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  if (!/\) [ZX] /.test(stat)) return stat !== '';
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return threads.length > 1;
}
