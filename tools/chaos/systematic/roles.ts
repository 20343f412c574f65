import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AmqpBus, amqpOptions } from '@nephoscope/bus-amqp';
import { ComputeAgent } from '@nephoscope/agent-compute';
import { Collector } from '@nephoscope/collector';
import {
  createSigner,
  definePollster,
  isNephoscopeError,
  meteringContentType,
  meteringTopology,
  Secret,
  signMeteringMessage,
} from '@nephoscope/core';
import type {
  ComputePollsterPlugin,
  Counter,
  Health,
  Logger,
  QueueTopology,
  Sample,
  SampleStore,
  TransientQueue,
} from '@nephoscope/core';
import { component, runBesideBus, systemClock } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';
import { FakeInspector, instanceReading } from '@nephoscope/testing';
import type { Channel, ChannelModel } from 'amqplib';
import { Registry } from 'prom-client';

import { createAgentMetrics } from '../../../packages/agent-compute/src/metrics.js';
import { computeOptions } from '../../../packages/agent-compute/src/options.js';
import { Outbox } from '../../../packages/agent-compute/src/outbox.js';
import { collectorOptions } from '../../../packages/collector/src/options.js';
import { runProgram, until } from './program.js';
import type { Trial } from './program.js';

/** A virtual host of its own, in which nobody else is, and a connection to look at it that is never cut. */
export interface World {
  readonly model: ChannelModel;
  readonly url: string;
  readonly logger: Logger;
}

/** A program of which every frame is cut. */
export interface Role {
  readonly name: string;
  prepare(world: World): Promise<Trial>;
}

const secret = new Secret('a secret for the systematic test');
const signer = createSigner({ secret, form: 'canonical' });
const { exchange, queue, deadLetterQueue } = meteringTopology;

const services: QueueTopology = {
  exchange: 'nova',
  exchangeOf: 'others',
  queue: 'nephoscope.notifications',
  bindings: ['notifications.info'],
  deadLetterQueue: 'nephoscope.notifications.dead',
};
const passing: TransientQueue = {
  exchange: 'nephoscope.last-readings',
  queue: 'nephoscope.last-readings.systematic',
  bindings: ['systematic'],
  messageTtl: 10_000,
  maxMessages: 1_000,
};

/** Times short enough that what is silent is given up in seconds. */
function busAt(url: string, logger: Logger): AmqpBus {
  return new AmqpBus({
    options: amqpOptions.parse({ url, heartbeat: 1, connectTimeout: '1s', confirmTimeout: '1s' }),
    logger,
    clock: systemClock,
    host: 'systematic',
  });
}

/** Of a metering message. */
interface Line {
  readonly publisher_id: string;
  readonly sequence: number;
  readonly message_id: string;
}

const agent: Role = {
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
        // As its program does: nobody waits for the bus.
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
            // Of a trial before: what the broker had not taken in from a connection that was cut.
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

/** Hears what services announce on an exchange of theirs, and what is worthless when it is late. */
const listener: Role = {
  name: 'listener to others',
  async prepare(world) {
    const announced = `announcement ${randomUUID()}`;
    await onChannel(world, (channel) => channel.assertExchange(services.exchange, 'topic', { durable: false }));
    const heard = new Set<string>();
    let heardLate = 0;
    return {
      async run(url, stopped) {
        const bus = busAt(url, world.logger);
        const works: Component = {
          name: 'listener',
          stop: () => Promise.resolve(),
          async start() {
            await bus.declare(services);
            await bus.consume(services.queue, { prefetch: 10 }, (delivery) => {
              heard.add(Buffer.from(delivery.body).toString());
              delivery.ack();
            });
            await bus.listen(passing, () => heardLate++);
          },
        };
        const work = async (signal: AbortSignal) => {
          const before = heardLate;
          const isDone = async () => {
            // What is worthless when it is late is said again and again; the other is said once, when it will not be lost.
            const sayNow = async (channel: Channel) => {
              await channel.checkExchange(passing.exchange);
              channel.publish(passing.exchange, passing.bindings[0] as string, Buffer.from('now'));
              await channel.checkExchange(passing.exchange);
            };
            // The exchange is not there before the program has got so far on a connection.
            await onChannel(world, sayNow).catch((error: Error) => {
              if (!/NOT_FOUND|closed/i.test(error.message)) throw error;
            });
            return heardLate > before;
          };
          await until(isDone, signal);
          if (!signal.aborted) await onConfirmed(world, [announced], services.queue);
          await until(() => heard.has(announced), signal);
        };
        await runProgram([component('bus', bus), works], work, stopped, world.logger);
      },
      check: () => Promise.resolve(heard.has(announced) ? [] : ['what was announced is lost']),
    };
  },
};

/** Queues that are made by the program itself, when it is the first there is. */
const firstAgent: Role = {
  name: 'compute agent on a new broker',
  async prepare(world) {
    await onChannel(world, async (channel) => {
      for (const name of [queue, deadLetterQueue]) await channel.deleteQueue(name);
      await channel.deleteExchange(exchange);
    });
    return agent.prepare(world);
  },
};

const collector: Role = {
  name: 'collector',
  async prepare(world) {
    const ids = Array.from({ length: 4 }, () => randomUUID());
    const bad = `unreadable ${randomUUID()}`;
    await onConfirmed(world, [...ids.map(messageOf), bad]);
    const store = new MemoryStore();
    const letters = new Set<string>();
    return {
      async run(url, stopped) {
        const { logger } = world;
        const bus = busAt(url, logger);
        const parts = { secrets: [secret], bus, store, logger, clock: systemClock, registry: new Registry() };
        const it = new Collector({ options: collectorOptions.parse({}), ...parts });
        // Others may be there, of the trial before: what the broker held for a connection that it did not know to be gone.
        const isDone = async () => {
          for (const letter of await takeAll(world, deadLetterQueue)) letters.add(letter);
          return letters.has(bad) && ids.every((id) => store.known.has(id));
        };
        await runProgram([component('bus', bus), it], (signal) => until(isDone, signal), stopped, logger);
      },
      async check() {
        for (const letter of await takeAll(world, deadLetterQueue)) letters.add(letter);
        return [
          ...ids.filter((id) => !store.known.has(id)).map((id) => `sample ${id} is lost`),
          ...(letters.has(bad) ? [] : ['what is unreadable is not among the dead letters']),
        ];
      },
    };
  },
};

const lockHolder: Role = {
  name: 'holder of a lock',
  async prepare(world) {
    const name = `lock-${randomUUID()}`;
    let left = 0;
    let tried = 0;
    return {
      async run(url, stopped) {
        const bus = busAt(url, world.logger);
        const work = async (signal: AbortSignal) => {
          // As the central agent does: a lock that is lost is asked for again.
          while (!signal.aborted) {
            const lock = await bus.lead(name, signal);
            const found = Number(Buffer.from(lock.note).toString() || '0');
            if (found < left || found > tried) throw new Error(`found the note ${found}, not ${left} to ${tried}`);
            try {
              await lock.leave(Buffer.from(String((tried = found + 1))));
              left = tried;
              await bus.declare(meteringTopology);
              await lock.leave(Buffer.from(String((tried = left + 1))));
              left = tried;
              return;
            } catch (error) {
              if (!isNephoscopeError(error, 'BUS_UNAVAILABLE')) throw error;
            } finally {
              await lock.release();
            }
          }
        };
        await runProgram([component('bus', bus)], work, stopped, world.logger);
      },
      async check() {
        const bus = busAt(world.url, world.logger);
        try {
          await bus.start(AbortSignal.timeout(10_000));
          const lock = await bus.lead(name, AbortSignal.timeout(15_000));
          const found = Number(Buffer.from(lock.note).toString() || '0');
          await lock.release();
          return found >= left && found <= tried ? [] : [`the note is ${found}, not ${left} to ${tried}`];
        } catch (error) {
          return [`the lock is not free: ${String(error)}`];
        } finally {
          await bus.stop();
          await onChannel(world, (channel) => channel.deleteQueue(`${name}.lock`));
        }
      },
    };
  },
};

const sweeper: Role = {
  name: 'replay of dead letters',
  async prepare(world) {
    const bodies = Array.from({ length: 3 }, (_, number) => `letter ${number} ${randomUUID()}`);
    await takeAll(world, queue);
    await onConfirmed(world, bodies, deadLetterQueue);
    return {
      async run(url, stopped) {
        const bus = busAt(url, world.logger);
        const work = async (signal: AbortSignal) => {
          // The operator does it again when he is told that the connection was lost.
          while (!signal.aborted) {
            try {
              await bus.sweepDeadLetters(queue, () => 'replay', signal);
              if ((await countOf(world, deadLetterQueue)) === 0) return;
            } catch (error) {
              if (!isNephoscopeError(error, 'BUS_UNAVAILABLE')) throw error;
            }
            await systemClock.sleep(20, signal);
          }
        };
        await runProgram([component('bus', bus)], work, stopped, world.logger);
      },
      async check() {
        let missing = bodies;
        const look = async () => {
          const there = [...(await takeAll(world, queue)), ...(await takeAll(world, deadLetterQueue))];
          missing = missing.filter((body) => !there.includes(body));
          return missing.length === 0;
        };
        // The broker may hold them yet for a connection that it does not know to be gone.
        await until(look, AbortSignal.timeout(15_000));
        return missing.map((body) => `${body} is lost`);
      },
    };
  },
};

export const roles: readonly Role[] = [agent, collector, listener, lockHolder, sweeper, firstAgent];

/** Makes what all programs of a cloud find there: so many queues. */
export const furniture = 4;
export async function furnish(world: World): Promise<void> {
  const bus = busAt(world.url, world.logger);
  await bus.declare(meteringTopology);
  await bus.declare(services);
  await bus.start(AbortSignal.timeout(30_000));
  await bus.stop();
}

class MemoryStore implements SampleStore {
  readonly known = new Set<string>();

  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  health = (): Health => ({ ok: true });
  meters = () => Promise.resolve([]);
  resources = () => Promise.resolve([]);
  removeBefore = () => Promise.resolve(0);
  // What comes again is what came: nothing here forges.
  recordedAs = (samples: readonly Sample[]) => Promise.resolve(samples);
  // eslint-disable-next-line require-yield
  samples = async function* (): AsyncGenerator<Sample> {
    throw new Error('nobody reads here');
  };

  record(samples: readonly Sample[]) {
    const before = this.known.size;
    for (const { messageId } of samples) this.known.add(messageId);
    const recorded = this.known.size - before;
    return Promise.resolve({ recorded, duplicates: samples.length - recorded });
  }
}

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
    create: () => ({ getCounters: ({ counter }) => names.map((name) => counter(name, 1n)) }),
  });
  const pollster = {
    name: 'test',
    plugin: plugin as unknown as ComputePollsterPlugin,
    pollster: plugin.create({ options: {}, logger, clock: systemClock, host: 'compute-1' }) as never,
    logger,
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

function messageOf(id: string): string {
  const counter: Counter = {
    name: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    volume: 1n,
    userId: 'u',
    projectId: 'p',
    resourceId: 'vm-1',
    timestamp: systemClock.now(),
    resourceMetadata: {},
  };
  return signMeteringMessage(
    counter,
    { source: 'openstack', messageId: id, publisherId: 'agent-1', sequence: 1n },
    signer,
  );
}

async function onConfirmed({ model }: World, bodies: readonly string[], to = queue): Promise<void> {
  const channel = await model.createConfirmChannel();
  const options = { contentType: meteringContentType, persistent: true };
  for (const body of bodies) channel.sendToQueue(to, Buffer.from(body), options);
  await channel.waitForConfirms();
  await channel.close();
}

async function takeAll(world: World, from: string): Promise<readonly string[]> {
  const bodies: string[] = [];
  await onChannel(world, async (channel) => {
    for (;;) {
      const message = await channel.get(from, { noAck: true });
      if (message === false) return;
      bodies.push(message.content.toString());
    }
  });
  return bodies;
}

async function countOf(world: World, name: string): Promise<number> {
  let count = 0;
  await onChannel(world, async (channel) => void (count = (await channel.checkQueue(name)).messageCount));
  return count;
}

async function onChannel({ model }: World, act: (channel: Channel) => Promise<unknown>): Promise<void> {
  const channel = await model.createChannel();
  // A refusal comes by the request, too; without a listener the event would throw.
  channel.on('error', () => undefined);
  await act(channel);
  await channel.close();
}
