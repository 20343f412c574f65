import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A CPU profile that a measured process writes when it ends. */
export interface Profile {
  readonly directory: string;
  /** The name of the file; without it Node chooses one. */
  readonly name?: string;
}

/** A program in `packages`, with a start script. */
export type Program = 'agent-compute' | 'agent-central' | 'collector' | 'api';

/** Starts a script, see {@link startMeasured}, with the options and variables of a program's start script. */
export function startProgram(
  program: Program,
  args: readonly string[],
  profile: Profile | undefined,
): ChildProcess {
  const start = readFileSync(join(root, 'packages', program, 'bin', `nephoscope-${program}`), 'utf8');
  const options = /^exec node ((?:--\S+ )+)/m.exec(start)?.[1]?.trim().split(' ');
  if (options === undefined) throw new Error(`the start script of ${program} has changed: how does it call node?`);
  const settings =
    /^export (.+)$/m
      .exec(start)?.[1]
      ?.split(' ')
      .map((setting) => setting.split('=', 2)) ?? [];
  return startMeasured([...options, ...args], profile, Object.fromEntries(settings) as Record<string, string>);
}

/**
 * Starts Node as an operator would: without the loaders and settings of this process, with its stdout and stderr in pipes.
 * It ends when this process does, however that ends.
 *
 * @param args Node's options, the script and its arguments
 * @param settings additional environment variables
 */
export function startMeasured(
  args: readonly string[],
  profile: Profile | undefined,
  settings: Readonly<Record<string, string>> = {},
): ChildProcess {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, ...profiling(profile), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C in a terminal is for this process, which then stops everything in order.
    detached: true,
    env: {
      ...Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('NEPHOSCOPE_'))),
      ...settings,
    },
  });
}

function profiling(profile: Profile | undefined): readonly string[] {
  if (profile === undefined) return [];
  const named = profile.name === undefined ? [] : ['--cpu-prof-name', `${profile.name}.cpuprofile`];
  return ['--cpu-prof', '--cpu-prof-dir', profile.directory, ...named];
}

/**
 * Waits for the end of a measured process, which is killed when `signal` is aborted.
 *
 * @returns its output on stdout
 * @throws Error with its output on stderr if it fails
 */
export async function outputOf(child: ChildProcess, signal: AbortSignal): Promise<string> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-8_192)));
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    if (signal.aborted) kill();
    const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code !== 0)
      throw new Error(`a measured process ended with ${by ?? `exit code ${code}`}:\n${stderr}`, {
        cause: signal.reason,
      });
    return stdout;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** Every measurement has ended by then, ms. */
const longest = 3_600_000;

export const within = (signal: AbortSignal) => AbortSignal.any([signal, AbortSignal.timeout(longest)]);

/**
 * Runs one of this folder's scripts to its end.
 *
 * @param job its only argument, as JSON
 * @returns the JSON that it prints
 * @throws Error as {@link outputOf}
 */
export async function runScript<Result>(
  script: string,
  job: object,
  profile: Profile | undefined,
  signal: AbortSignal,
): Promise<Result> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return JSON.parse(await outputOf(startMeasured([path, JSON.stringify(job)], profile), signal)) as Result;
}
