import type { Logger } from '@nephoscope/core';
import type { Delivery } from '@nephoscope/core/message-bus';
import { messageBusContract } from '@nephoscope/testing';

import plugin, { createMemoryBus } from '../src/memory-bus.js';
import type { MemoryBus, MemoryBusBounds } from '../src/memory-bus.js';

const topology = {
  exchange: 'ceilometer',
  queue: 'metering',
  bindings: ['metering.#'],
  deadLetterQueue: 'metering.dead',
};
const sample = (body = 'x') => ({
  exchange: 'ceilometer',
  routingKey: 'metering.cpu',
  contentType: 'application/json',
  body: Buffer.from(body),
});

function recordingLogger(): Logger & { readonly errors: Readonly<Record<string, unknown>>[] } {
  const errors: Readonly<Record<string, unknown>>[] = [];
  const ignore = () => undefined;
  return { errors, debug: ignore, info: ignore, warn: ignore, error: (fields) => errors.push(fields) };
}

messageBusContract('the in-process bus', {
  create: () => createMemoryBus({ logger: recordingLogger() }),
  deadLetters: (bus) => Promise.resolve((bus as MemoryBus).deadLetters),
});

describe('the in-process bus', () => {
  let bus: MemoryBus;
  let logger: ReturnType<typeof recordingLogger>;

  async function start(bounds: Partial<MemoryBusBounds> = {}) {
    logger = recordingLogger();
    bus = createMemoryBus({ logger, bounds });
    await bus.start(AbortSignal.timeout(1_000));
    await bus.declare(topology);
  }

  afterEach(() => bus.stop());

  it('confirms a message when its consumer has acknowledged it, and not before', async () => {
    await start();
    const events: string[] = [];
    const published = bus.publish(sample()).then(() => events.push('confirmed'));
    const delivered = new Promise<Delivery>((resolve) => void bus.consume('metering', { prefetch: 1 }, resolve));
    const delivery = await delivered;
    events.push('recorded');
    delivery.ack();
    await published;
    expect(events).toEqual(['recorded', 'confirmed']);
  });

  it('refuses messages that do not fit into a full queue', async () => {
    await start({ capacity: 2 });
    const held = Promise.allSettled([bus.publish(sample()), bus.publish(sample())]);
    await expect(bus.publish(sample())).rejects.toMatchObject({
      code: 'BUS_UNAVAILABLE',
      message: expect.stringContaining('full'),
    });
    await bus.stop();
    await held;
  });

  it('gives up on a message that no consumer takes in time, and does not deliver it later', async () => {
    await start({ confirmTimeout: 20 });
    await expect(bus.publish(sample('late'))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    const bodies: string[] = [];
    await bus.consume('metering', { prefetch: 1 }, (delivery) => {
      bodies.push(Buffer.from(delivery.body).toString());
      delivery.ack();
    });
    await bus.publish(sample('next'));
    expect(bodies).toEqual(['next']);
  });

  it('rejects outstanding messages when it stops', async () => {
    await start();
    const published = bus.publish(sample());
    await bus.stop();
    await expect(published).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  });

  it('logs dead letters and keeps the latest thousand', async () => {
    await start();
    await bus.consume('metering', { prefetch: 10 }, (delivery) => {
      void delivery.deadLetter('not signed').then(() => delivery.ack());
    });
    for (let i = 0; i < 1_001; i++) await bus.publish(sample(String(i)));
    expect(logger.errors).toHaveLength(1_001);
    expect(logger.errors[0]).toEqual({
      queue: 'metering',
      routingKey: 'metering.cpu',
      reason: 'not signed',
      bytes: 1,
    });
    expect(bus.deadLetters).toHaveLength(1_000);
    expect(Buffer.from(bus.deadLetters[0]!.body).toString()).toBe('1');
  });

  it('divides a queue between its consumers', async () => {
    await start();
    const counts = [0, 0];
    for (const i of [0, 1]) {
      await bus.consume('metering', { prefetch: 1 }, (delivery) => {
        counts[i]!++;
        setImmediate(() => delivery.ack());
      });
    }
    await Promise.all(Array.from({ length: 10 }, () => bus.publish(sample())));
    expect(counts).toEqual([5, 5]);
  });

  it('is a plugin that accepts its own options and no others', () => {
    expect(plugin.options.parse({})).toEqual({});
    expect(() => plugin.options.parse({ capicity: 1 })).toThrow();
    bus = plugin.create({
      options: plugin.options.parse({}),
      logger: recordingLogger(),
      clock: undefined as never,
      host: 'h',
    }) as MemoryBus;
    expect(bus.health().ok).toBe(false);
  });
});
