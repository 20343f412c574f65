import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the compute agent's start script gives to Node. */
const agentOptions = /^exec node (--\S+) /m.exec(
  readFileSync(join(root, 'packages/agent-compute/bin/nephoscope-agent-compute'), 'utf8'),
)?.[1];

/**
 * Starts a compute agent on Node as an operator would: of its own, without the loaders and settings of this process,
 * its stdout and stderr in pipes. It ends when this process does, however that ends.
 *
 * @param args the script and its arguments
 * @param profiles where to write a CPU profile of it
 */
export function startMeasured(args: readonly string[], profiles: string | undefined): ChildProcess {
  if (agentOptions === undefined) throw new Error("the agent's start script has changed: how does it call node?");
  const { NODE_OPTIONS: _, ...environment } = process.env;
  const profiling = profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles];
  return spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, agentOptions, ...profiling, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C in a terminal is for this process, which then stops things in order.
    detached: true,
    env: Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('NEPHOSCOPE_'))),
  });
}

/**
 * Waits for the end of a measured process, which is killed when `signal` is aborted.
 *
 * @returns what it wrote to stdout
 * @throws Error with what it wrote to stderr when it fails
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
