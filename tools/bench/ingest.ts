import { join } from 'node:path';

import { progress } from '../testbed/progress.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import { secret, writeAgentConfiguration } from './agent-configuration.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { measureCeilings } from './ceilings.js';
import type { Ceiling } from './ceilings.js';
import { measureChain } from './chain.js';
import type { Chain } from './chain.js';
import { withDirectory } from './hosts.js';
import { capture, instances } from './load.js';
import type { Load } from './load.js';
import { runScript, within } from './measured-process.js';
import { rounded } from './statistics.js';
import { withStore } from './stores.js';
import { atLeast, below } from './target.js';

const leastRate = 20_000;
const leastShare = 0.6;
const memoryLimitMiB = 300;
/** About ten cycles: enough for a rate. */
const mostSampled = 240_000;

/**
 * Publisher, RabbitMQ, collector and store on one machine; before that, the capacity of each part alone. Messages are
 * signed in advance, because agents do that on other machines.
 */
export const ingest: Benchmark = {
  name: 'ingest',
  description: 'samples per second from publisher to store, next to the ceilings of its parts',
  run: (context) =>
    withDirectory(async (directory) => {
      const captured = join(directory, 'captured.json');
      const messages = join(directory, 'messages');
      const reading = capture(directory, captured, context.signal);
      const samplesPerCycle = await progress(`Reading ${instances} instances`, reading);
      const signing = sign(captured, messages, context);
      const signingCpuPerSample = await progress(`Signing ${context.samples} samples`, signing);
      const broker = await progress('Starting a private RabbitMQ', startRabbitmq());
      try {
        const bus = { type: 'amqp', url: broker.url };
        // The hypervisor is no longer used.
        const configuration = await writeAgentConfiguration(directory, 'test:///default', bus);
        const sampled = Math.min(context.samples, mostSampled);
        const load: Load = { messages, sampled, configuration, broker };
        const results: Record<string, object> = {};
        for (const name of context.stores) {
          const ceilings = await measureCeilings(name, load, context);
          if (!context.stages.includes('chain')) {
            results[name] = { ceilings };
            continue;
          }
          const what = `Sending ${context.samples} samples to ${name}`;
          const chain = await withStore(name, (store) => progress(what, measureChain(name, store, load, context)));
          results[name] = { ceilings, chain, ...judge(chain, Object.entries(ceilings)) };
        }
        return { instances, samplesPerCycle, signingCpuPerSample, ...results };
      } finally {
        await broker.stop();
      }
    }),
};

/** Returns the cost, µs per sample. */
async function sign(captured: string, file: string, { samples, signal }: BenchmarkContext): Promise<number> {
  const job = { captured, secret, samples, file };
  const { cpu } = await runScript<{ cpu: number }>('signed-messages.mjs', job, undefined, within(signal));
  return rounded((cpu * 1_000) / samples);
}

function judge(chain: Chain, ceilings: readonly (readonly [string, Ceiling])[]) {
  const slowest = Math.min(...ceilings.map(([, { samplesPerSecond }]) => samplesPerSecond));
  const limit = ceilings.length === 0 ? leastRate : Math.max(leastRate, leastShare * slowest);
  return {
    toCeilings: Object.fromEntries(
      ceilings.map(([name, { samplesPerSecond }]) => [name, rounded(chain.sustainedPerSecond / samplesPerSecond)]),
    ),
    targets: [
      atLeast('samples per second, sustained', limit, chain.sustainedPerSecond),
      below("the collector's memory (VmHWM), MiB", memoryLimitMiB, chain.collectorMemory.peakMiB),
      below('samples lost or recorded twice', 1, chain.lost + chain.surplus),
    ],
  };
}
