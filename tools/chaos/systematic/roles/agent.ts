import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ComputeAgent } from '@nephoscope/agent-compute';
import { Outbox, computeOptions, createAgentMetrics } from '@nephoscope/agent-compute/testing';
import type { AmqpBus } from '@nephoscope/bus-amqp';
import type { Logger } from '@nephoscope/core';
import { definePollster } from '@nephoscope/core/pollster';
import type { ComputePollsterPlugin } from '@nephoscope/core/pollster';
import { meteringTopology } from '@nephoscope/message';
import { runBesideBus, systemClock } from '@nephoscope/runtime';
import { FakeInspector, instanceReading } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { until } from '../program.js';
import { busAt, onChannel, secret, takeAll } from './world.js';
import type { Role } from './world.js';

const { exchange, queue, deadLetterQueue } = meteringTopology;

/** The fields of a metering message that are checked. */
interface Line {
  readonly publisher_id: string;
  readonly sequence: number;
  readonly message_id: string;
}

export const agent: Role = {
  name: 'compute agent',
  async prepare(world) {
    const stateDirectory = await mkdtemp(join(tmpdir(), 'nephoscope-systematic-'));
    let most = 0;
    return {
      async run(url, stopped) {
        const bus = busAt(url, world.logger);
        const { outbox, compute, taken } = createAgent(bus, stateDirectory, world.logger);
        const done = async () => {
          void compute.run();
          await until(async () => (most = Math.max(most, await taken())) > 0, stopped);
          if (!stopped.aborted) await outbox.flush(stopped);
        };
        // As in its program, nothing waits for the bus.
        const components = [outbox, compute];
        await runBesideBus({ bus, components, run: done, stopped, logger: world.logger });
      },
      async check() {
        const state = await readFile(join(stateDirectory, 'state.json'), 'utf8');
        const { agentId } = JSON.parse(state) as { readonly agentId: string };
        await rm(stateDirectory, { recursive: true, force: true });
        const ids = new Map<number, string>();
        const wrong: string[] = [];
        for (const body of await takeAll(world, queue)) {
          for (const line of body.split('\n').filter(Boolean)) {
            const { publisher_id, sequence, message_id } = JSON.parse(line) as Line;
            // From an earlier trial: messages on a cut connection that the broker processed late.
            if (!publisher_id.endsWith(`/${agentId}`)) continue;
            if ((ids.get(sequence) ?? message_id) !== message_id) wrong.push(`number ${sequence} was given twice`);
            ids.set(sequence, message_id);
          }
        }
        const last = Math.max(0, ...ids.keys());
        if (ids.size === 0) wrong.push('nothing was published');
        for (let number = 1; number <= last; number++)
          if (!ids.has(number)) wrong.push(`number ${number} of ${last} is lost`);
        return wrong;
      },
    };
  },
};

/** The program itself creates the queues, because the broker is new. */
export const firstAgent: Role = {
  name: 'compute agent on a new broker',
  async prepare(world) {
    await onChannel(world, async (channel) => {
      for (const name of [queue, deadLetterQueue]) await channel.deleteQueue(name);
      await channel.deleteExchange(exchange);
    });
    return agent.prepare(world);
  },
};

function createAgent(bus: AmqpBus, stateDirectory: string, logger: Logger) {
  const registry = new Registry();
  const metrics = createAgentMetrics(registry);
  const options = computeOptions.parse({ stateDirectory, interval: '1h' });
  const shared = { options, host: 'compute-1', secrets: [secret], bus, logger, clock: systemClock, metrics };
  const outbox = new Outbox({ ...shared, source: 'openstack' });
  const names = ['a', 'b', 'c'];
  const plugin = definePollster({
    meters: names.map((name) => ({ name, type: 'gauge' as const, unit: 'x', description: 'of the test' })),
    reads: [],
    create: () => ({ getCounters: () => names.map((meter) => ({ meter, volume: 1n })) }),
  });
  const pollster = {
    name: 'test',
    plugin: plugin as unknown as ComputePollsterPlugin,
    pollster: plugin.create({ options: {}, logger, clock: systemClock, host: 'compute-1' }) as never,
  };
  const inspector = new FakeInspector([instanceReading()]);
  void inspector.start(new AbortController().signal);
  const compute = new ComputeAgent({ ...shared, inspector, outbox, pollsters: [pollster], failedPlugins: 0 });
  const taken = async () => {
    const { values } = await metrics.cycles.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  };
  return { outbox, compute, taken };
}
