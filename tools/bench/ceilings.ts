import { meteringTopology } from '@nephoscope/message';

import { progress } from '../testbed/progress.js';
import { secret } from './agent-configuration.js';
import { profileOf } from './benchmark.js';
import type { BenchmarkContext, Stage } from './benchmark.js';
import { writeCollectorConfiguration } from './collector.js';
import { withDirectory } from './hosts.js';
import type { Load } from './load.js';
import { runScript, within } from './measured-process.js';
import { cpuOf } from './process-usage.js';
import { perSample } from './statistics.js';
import type { Measurement } from './statistics.js';
import { withStore } from './stores.js';
import type { StoreName } from './stores.js';

/** The capacity of one part of the chain when it has the machine to itself. */
export interface Ceiling {
  readonly samples: number;
  readonly samplesPerSecond: number;
  /** µs. */
  readonly cpuPerSample: Readonly<Record<string, number>>;
}

/** Measures the requested ones. */
export async function measureCeilings(
  name: StoreName,
  load: Load,
  context: BenchmarkContext,
): Promise<Readonly<Partial<Record<Stage, Ceiling>>>> {
  const measure = { consume: measureConsume, verify: measureVerify, insert: measureInsert };
  const ceilings: Partial<Record<Stage, Ceiling>> = {};
  for (const stage of context.stages)
    if (stage !== 'chain') ceilings[stage] = await measure[stage](name, load, context);
  return ceilings;
}

/** Fills the queue, and empties it with a bare client. */
async function measureConsume(name: StoreName, load: Load, context: BenchmarkContext): Promise<Ceiling> {
  const { broker, messages, sampled: samples } = load;
  const filling = { configuration: load.configuration, messages, samples, url: broker.url };
  const { messages: count } = await progress(
    'Filling the queue',
    runScript<{ messages: number }>('measured-publisher.mjs', filling, undefined, within(context.signal)),
  );
  const brokerPid = await broker.pid();
  const before = await cpuOf(brokerPid);
  const { wall, cpu } = await withDirectory(async (directory) => {
    const configuration = await writeCollectorConfiguration(
      directory,
      broker.url,
      `sqlite:${directory}/unused.db`,
    );
    const job = { configuration, url: broker.url, messages: count };
    const profile = profileOf(context, `${name}-consume`);
    const work = runScript<Measurement>('measured-consume.mjs', job, profile, within(context.signal));
    return progress('Measuring the bare consumer', work);
  });
  const brokerCpu = (await cpuOf(brokerPid)) - before;
  // Messages whose acknowledgement the broker had not processed when the channel was closed are delivered again.
  await broker.ctl('purge_queue', meteringTopology.queue);
  return ceiling(samples, wall, { consumer: cpu, RabbitMQ: brokerCpu });
}

async function measureVerify(name: StoreName, load: Load, context: BenchmarkContext): Promise<Ceiling> {
  const job = { secret, messages: load.messages, samples: load.sampled };
  const profile = profileOf(context, `${name}-verify`);
  const work = runScript<Measured>('measured-verify.mjs', job, profile, within(context.signal));
  const { samples, wall, cpu } = await progress('Measuring the bare verifier', work);
  return ceiling(samples, wall, { verifier: cpu });
}

function measureInsert(name: StoreName, load: Load, context: BenchmarkContext): Promise<Ceiling> {
  return withStore(name, (store) =>
    withDirectory(async (directory) => {
      const configuration = await writeCollectorConfiguration(directory, load.broker.url, store.url);
      const job = { configuration, messages: load.messages, samples: load.sampled };
      const profile = profileOf(context, `${name}-insert`);
      const before = store.pid === undefined ? 0 : await cpuOf(store.pid);
      const work = runScript<Measured>('measured-insert.mjs', job, profile, within(context.signal));
      const { samples, wall, cpu } = await progress(`Measuring bare inserts into ${name}`, work);
      const server = store.pid === undefined ? {} : { server: (await cpuOf(store.pid)) - before };
      return ceiling(samples, wall, { client: cpu, ...server });
    }),
  );
}

interface Measured extends Measurement {
  readonly samples: number;
}

/** @param cpu ms of each process */
function ceiling(samples: number, wall: number, cpu: Readonly<Record<string, number>>): Ceiling {
  return {
    samples,
    samplesPerSecond: Math.round((samples * 1_000) / wall),
    cpuPerSample: perSample(cpu, samples),
  };
}
