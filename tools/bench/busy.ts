import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpus, loadavg } from 'node:os';

import { progress } from '../testbed/progress.js';
import { writeAgentConfiguration } from './agent-configuration.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { startQemuHost, withDirectory } from './hosts.js';
import { agentCli, loggedCycles } from './logged-cycles.js';
import type { LoggedCycle } from './logged-cycles.js';
import { outputOf, startProgram } from './measured-process.js';
import { rounded } from './statistics.js';
import { atLeast } from './target.js';

const guests = 17;
const loopsOfAProcessor = 30;
const intervalSeconds = 30;
// Cycles without other load; the first has no image sizes yet.
const quietCycles = 3;

interface BusyCycle extends LoggedCycle {
  /** Over the last minute. */
  readonly load: number;
}

/** Measures the agent's readings on a host whose CPUs are busy. */
export const busy: Benchmark = {
  name: 'busy',
  description: `samples of nephoscope-agent-compute on a host of ${guests} guests with ${loopsOfAProcessor} busy loops for each processor`,
  onlyNamed: true,
  async run(context) {
    const host = await startQemuHost(guests, context.signal);
    try {
      const work = withDirectory(async (directory) =>
        watch(
          await writeAgentConfiguration(directory, host.uri, { type: 'memory' }, `${intervalSeconds}s`),
          context,
        ),
      );
      const { quiet, loaded } = await progress(`Watching ${quietCycles + context.cycles} cycles`, work);
      const whole = Math.max(...quiet.map(({ samples }) => samples));
      return {
        host: `${guests} QEMU guests`,
        intervalSeconds,
        quiet,
        loaded,
        target: atLeast('samples of a loaded cycle', whole, Math.min(...loaded.map(({ samples }) => samples))),
      };
    } finally {
      await host.stop();
    }
  },
};

async function watch(configuration: string, { cycles, signal }: BenchmarkContext) {
  const quiet: LoggedCycle[] = [];
  const loaded: BusyCycle[] = [];
  const loops: ChildProcess[] = [];
  const limit = (quietCycles + cycles + 2) * intervalSeconds * 1_000;
  const agent = startProgram('agent-compute', [agentCli, '--config', configuration], undefined);
  const ended = outputOf(agent, AbortSignal.any([signal, AbortSignal.timeout(limit)]));
  // Its end is awaited below, when its log has ended.
  ended.catch(() => undefined);
  try {
    for await (const { samples, seconds } of loggedCycles(agent)) {
      if (quiet.length < quietCycles) quiet.push({ samples, seconds: rounded(seconds) });
      else loaded.push({ samples, seconds: rounded(seconds), load: rounded(loadavg()[0] as number) });
      if (quiet.length === quietCycles && loops.length === 0)
        for (let loop = 0; loop < cpus().length * loopsOfAProcessor; loop++)
          loops.push(spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }));
      if (loaded.length === cycles) {
        for (const loop of loops) loop.kill('SIGKILL');
        agent.kill('SIGTERM');
      }
    }
  } finally {
    for (const loop of loops) loop.kill('SIGKILL');
    agent.kill('SIGKILL');
  }
  await ended;
  if (loaded.length < cycles) throw new Error(`the agent ended after ${loaded.length} of ${cycles} loaded cycles`);
  return { quiet, loaded };
}
