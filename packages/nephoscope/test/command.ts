import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  /** Without signs of life (`Sending … 2 s`), which depend on how busy the machine is. */
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Its output so far. */
  stdout(): string;
  readonly ended: Promise<Result>;
}

/** Starts the built command in a folder, without the variables of the tests; it is killed after one minute. */
export function start(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input: 'none' | 'of the test' = 'none',
): Running {
  const outer = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('NEPHOSCOPE_')),
  );
  const child = spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { ...outer, ...env },
    stdio: 'pipe',
  });
  // It may be killed before it has read everything.
  child.stdin.on('error', () => undefined);
  if (input === 'none') child.stdin.end();
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const ended = new Promise<Result>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr: stderr.replaceAll(/^.* … \d+ s\n/gm, '') });
    });
  });
  return { child, stdout: () => stdout, ended };
}

export function nephoscope(cwd: string, ...args: readonly string[]): Promise<Result> {
  return start(cwd, args).ended;
}
