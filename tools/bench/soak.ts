import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { progress } from '../testbed/progress.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import { writeAgentConfiguration } from './agent-configuration.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { startChangingHost } from './changing-host.js';
import type { ChangingHost } from './changing-host.js';
import { startCollector, writeCollectorConfiguration } from './collector.js';
import type { RunningCollector } from './collector.js';
import { withDirectory } from './hosts.js';
import { agentCli, loggedCycles } from './logged-cycles.js';
import { outputOf, startProgram } from './measured-process.js';
import { growthOf, rounded } from './statistics.js';
import { withStore } from './stores.js';
import { below } from './target.js';

const instances = 200;
const replacedASecond = 2;
const interval = '1s';
/** The permitted growth from the beginning of the second half until its end. */
const limit = { memory: 0.05, written: 0.1 };
const recorded = 'nephoscope_collector_samples_recorded_total';

const reporting = ['--expose-gc', '--import', new URL('measured-memory.mjs', import.meta.url).href];

/** What measured-memory.mjs prints. */
interface Memory {
  /** 0 is the main thread. */
  readonly threadId: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly rss: number;
}

interface Minute {
  /** Of all threads after a garbage collection, including buffers. */
  readonly heapMiB: number;
  readonly residentMiB: number;
  /** Written to files and sockets, in each cycle of this minute. */
  readonly writtenKiB: number;
  /** The part of that to disks. */
  readonly toDiskKiB: number;
}

/** Whether anything grows in an agent and a collector while instances come and go. */
export const soak: Benchmark = {
  name: 'soak',
  description: `memory and bytes written over --minutes: ${instances} instances, ${replacedASecond} replaced each second, a cycle each second`,
  onlyNamed: true,
  async run(context) {
    const broker = await progress('Starting a private RabbitMQ', startRabbitmq());
    try {
      const host = await progress(`Starting ${instances} instances`, startChangingHost(instances));
      try {
        return await withDirectory((directory) =>
          withStore('sqlite', async (store) => {
            const bus = { type: 'amqp', url: broker.url };
            const agent = await writeAgentConfiguration(directory, host.uri, bus, interval);
            const collector = await writeCollectorConfiguration(directory, broker.url, store.url);
            const work = watch(host, agent, collector, context);
            return await progress(`Watching ${context.minutes} minutes`, work);
          }),
        );
      } finally {
        await host.stop();
      }
    } finally {
      await broker.stop();
    }
  },
};

async function watch(
  host: ChangingHost,
  agentConfiguration: string,
  collectorConfiguration: string,
  { minutes, signal }: BenchmarkContext,
): Promise<object> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const collector = await startCollector(collectorConfiguration, undefined, signal, reporting);
  const agent = startProgram('agent-compute', [...reporting, agentCli, '--config', agentConfiguration], undefined);
  const ended = outputOf(agent, signal);
  ended.catch(() => undefined);
  let cycles = 0;
  let taken = 0;
  const counting = (async () => {
    for await (const { samples } of loggedCycles(agent)) {
      cycles += 1;
      taken += samples;
    }
  })();
  try {
    const changing = change(host, until);
    const minutesOf = (pid: number, output: Readable | null) =>
      watchMinutes(pid, output as Readable, () => cycles, minutes, until);
    const seen = await Promise.race([
      Promise.all([minutesOf(agent.pid as number, agent.stdout), minutesOf(collector.pid, collector.output)]),
      changing,
      ended.then((): never => {
        throw new Error('the agent ended');
      }),
    ]);
    if (seen === undefined) throw new Error('the instances are not replaced any more');
    over.abort();
    await changing;
    agent.kill('SIGTERM');
    await ended;
    await counting;
    const left = taken - (await allRecorded(collector, taken, signal));
    const [ofAgent, ofCollector] = seen;
    return {
      host: `${instances} domains of the test driver, ${replacedASecond} replaced each second`,
      cycles,
      samples: taken,
      notRecorded: Math.max(0, left),
      agent: judged(ofAgent),
      collector: judged(ofCollector),
    };
  } finally {
    over.abort();
    agent.kill('SIGKILL');
    await collector.stop();
  }
}

async function change(host: ChangingHost, signal: AbortSignal): Promise<undefined> {
  for (;;) {
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return undefined;
    await host.replace(replacedASecond);
  }
}

async function watchMinutes(
  pid: number,
  output: Readable,
  cyclesDone: () => number,
  minutes: number,
  signal: AbortSignal,
): Promise<readonly Minute[]> {
  const seen: Minute[] = [];
  let before = { cycles: cyclesDone(), ...(await writtenBy(pid)) };
  const threads = new Map<number, number>();
  for await (const line of createInterface({ input: output, signal })) {
    const { threadId, heapUsed, arrayBuffers, rss } = JSON.parse(line) as Memory;
    threads.set(threadId, heapUsed + arrayBuffers);
    if (threadId !== 0) continue;
    const now = { cycles: cyclesDone(), ...(await writtenBy(pid)) };
    const aCycle = (bytes: number) => rounded(bytes / 1_024 / Math.max(1, now.cycles - before.cycles));
    seen.push({
      heapMiB: rounded([...threads.values()].reduce((sum, bytes) => sum + bytes) / 1_024 ** 2),
      residentMiB: rounded(rss / 1_024 ** 2),
      writtenKiB: aCycle(now.written - before.written),
      toDiskKiB: aCycle(now.toDisk - before.toDisk),
    });
    before = now;
    if (seen.length === minutes) return seen;
  }
  throw new Error(`process ${pid} ended after ${seen.length} minutes`);
}

/** proc(5): bytes in write calls, and the part of them to disks. */
async function writtenBy(pid: number): Promise<{ readonly written: number; readonly toDisk: number }> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return { written: field('wchar'), toDisk: field('write_bytes') };
}

/** Waits until all are recorded, as long as their number grows. @returns the number of recorded ones */
async function allRecorded(collector: RunningCollector, samples: number, signal: AbortSignal): Promise<number> {
  for (let last = -1; ; await sleep(5_000, undefined, { signal })) {
    const { [recorded]: count } = await collector.metrics(recorded);
    if (count >= samples || count === last) return count;
    last = count;
  }
}

function judged(minutes: readonly Minute[]): object {
  const secondHalf = minutes.slice(Math.floor(minutes.length / 2));
  const growth = (field: keyof Minute) => rounded(growthOf(secondHalf.map((minute) => minute[field])));
  return {
    minutes,
    targets: [
      below('growth of memory after collection in the second half', limit.memory, growth('heapMiB')),
      below('growth of bytes written a cycle in the second half', limit.written, growth('writtenKiB')),
    ],
  };
}
