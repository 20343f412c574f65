import { progress } from '../testbed/progress.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import { writeAgentConfiguration } from './agent-configuration.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { startTestDriverHost, withDirectory } from './hosts.js';
import { agentCli, loggedCycles } from './logged-cycles.js';
import { outputOf, startProgram } from './measured-process.js';
import { memoryOf, proportionalMemoryOf } from './process-usage.js';
import { rounded } from './statistics.js';
import { below } from './target.js';

interface CycleSeen {
  readonly samples: number;
  /** As the agent logs it. */
  readonly seconds: number;
  /** `VmRSS` after the cycle. */
  readonly residentMiB: number;
  /** `Pss` at the same time: without memory shared with other Node.js programs. */
  readonly proportionalMiB: number;
}

const instances = 1_000;
const limitMiB = 130;
const cycles = 10;
const interval = '4s';
const processTimeout = 180_000;

/** The installed daemon on a large host, publishing to RabbitMQ. */
export const memory: Benchmark = {
  name: 'memory',
  description: `resident memory of nephoscope-agent-compute with ${instances} domains`,
  async run(context) {
    const broker = await progress('Starting a private RabbitMQ', startRabbitmq());
    try {
      const host = await startTestDriverHost(instances);
      try {
        const work = withDirectory(async (directory) => {
          const configuration = await writeAgentConfiguration(
            directory,
            host.uri,
            { type: 'amqp', url: broker.url },
            interval,
          );
          return watch(configuration, context);
        });
        const { peakMiB, seen } = await progress(
          `Watching the memory of ${cycles} cycles over ${instances} domains`,
          work,
        );
        return {
          host: `${instances} domains of the test driver`,
          bus: 'RabbitMQ, confirmed',
          cycles: seen,
          peakMiB,
          target: below('peak resident memory (VmHWM), MiB', limitMiB, peakMiB),
        };
      } finally {
        await host.stop();
      }
    } finally {
      await broker.stop();
    }
  },
};

/** Runs the daemon until it has completed its cycles, and ends it by SIGTERM. */
async function watch(
  configuration: string,
  { profiles, signal }: BenchmarkContext,
): Promise<{ readonly peakMiB: number; readonly seen: readonly CycleSeen[] }> {
  const child = startProgram(
    'agent-compute',
    [agentCli, '--config', configuration],
    profiles === undefined ? undefined : { directory: profiles },
  );
  const seen: CycleSeen[] = [];
  const ended = outputOf(child, AbortSignal.any([signal, AbortSignal.timeout(processTimeout)]));
  // Its end is awaited below, when its log has ended.
  ended.catch(() => undefined);
  let peakMiB = 0;
  try {
    for await (const { samples, seconds } of loggedCycles(child)) {
      const { VmRSS, VmHWM } = await memoryOf(child.pid as number);
      const proportionalMiB = await proportionalMemoryOf(child.pid as number);
      seen.push({ samples, seconds: rounded(seconds), residentMiB: VmRSS, proportionalMiB });
      peakMiB = VmHWM;
      if (seen.length === cycles) child.kill('SIGTERM');
    }
  } finally {
    child.kill('SIGKILL');
  }
  await ended;
  if (seen.length < cycles) throw new Error(`the agent ended after ${seen.length} of ${cycles} cycles`);
  return { peakMiB, seen };
}
