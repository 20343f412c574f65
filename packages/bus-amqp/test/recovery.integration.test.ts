import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Delivery, MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { bundle } from '../../../tools/testbed/bundle.js';
import { freeze } from '../../../tools/testbed/freeze.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, newTopology, onBroker, sample, tcpProxy, until } from './support.js';
import type { LogEntry } from './support.js';

let broker: PrivateRabbitmq;

beforeAll(async () => {
  broker = await startRabbitmq();
}, 120_000);
afterAll(() => broker.stop(), 60_000);

describe('the AMQP bus when the broker or the network fails', () => {
  let topology: QueueTopology;
  let log: LogEntry[];
  const buses: MessageBus[] = [];

  beforeEach(() => {
    topology = newTopology();
    log = [];
  });
  afterEach(() => Promise.all(buses.splice(0).map((bus) => bus.stop())));

  async function start(options: Readonly<Record<string, unknown>> = {}): Promise<MessageBus> {
    const bus = createBus({ url: broker.url, ...options }, log);
    buses.push(bus);
    await bus.declare(topology);
    await bus.start(AbortSignal.timeout(20_000));
    return bus;
  }

  /** Publishes numbers, each repeatedly until it is confirmed, as a spool does. */
  function publishNumbers(bus: MessageBus) {
    let next = 0;
    let failures = 0;
    let running = true;
    const done = (async () => {
      while (running) {
        const batch = Array.from({ length: 5 }, () => String(next++));
        await Promise.all(
          batch.map(async (number) => {
            for (;;) {
              try {
                return await bus.publish(sample(topology, number));
              } catch {
                failures++;
                await new Promise((resolve) => setTimeout(resolve, 20));
              }
            }
          }),
        );
      }
      return next;
    })();
    return {
      confirmed: () => next,
      failures: () => failures,
      stop: () => {
        running = false;
        return done;
      },
    };
  }

  async function collect(bus: MessageBus): Promise<Set<string>> {
    const received = new Set<string>();
    await bus.consume(topology.queue, { prefetch: 50 }, (delivery) => {
      received.add(Buffer.from(delivery.body).toString());
      delivery.ack();
    });
    return received;
  }

  it('loses nothing when the broker restarts during publishing and consuming', async () => {
    const received = await collect(await start());
    const bus = await start();
    const numbers = publishNumbers(bus);
    await until('some traffic', () => received.size > 50);
    await broker.restart();
    const before = received.size;
    await until('traffic again', () => received.size > before + 50);
    const count = await numbers.stop();
    await until('all messages', () => received.size === count);
    expect(numbers.failures()).toBeGreaterThan(0);
    // The connections of one bus recover independently.
    await until('health', () => buses.every((each) => each.health().ok));
    expect(log).toContainEqual(expect.objectContaining({ level: 'warn', message: 'no connection to RabbitMQ' }));
  }, 120_000);

  it('loses nothing when the broker dies as in a power failure', async () => {
    const received = await collect(await start());
    const numbers = publishNumbers(await start());
    await until('some traffic', () => received.size > 50);
    await broker.kill();
    await broker.start();
    const before = received.size;
    await until('traffic again', () => received.size > before + 50);
    const count = await numbers.stop();
    await until('all messages', () => received.size === count);
  }, 120_000);

  it('detects a suspended broker, first by missing confirmations, then by missing heartbeats, and recovers', async () => {
    const bus = await start({ confirmTimeout: 500, heartbeat: '1s', connectTimeout: 1_000 });
    const pid = await broker.pid();
    await freeze(pid);
    try {
      await expect(bus.publish(sample(topology))).rejects.toMatchObject({
        code: 'BUS_UNAVAILABLE',
        message: expect.stringMatching(/confirmed nothing within 0.5 s/),
      });
      expect(bus.health()).toMatchObject({ ok: false, reason: expect.stringMatching(/confirmed nothing/) });
      await until('the heartbeat', () =>
        log.some(({ fields }) => /Heartbeat timeout/.test(String((fields['err'] as Error | undefined)?.cause))),
      );
      expect(bus.health().ok).toBe(false);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('health', () => bus.health().ok);
    await bus.publish(sample(topology));
  }, 60_000);

  it('stops within seconds while the broker is suspended', async () => {
    const bus = await start();
    await collect(bus);
    const pid = await broker.pid();
    await freeze(pid);
    const published = bus.publish(sample(topology));
    published.catch(() => undefined);
    try {
      await Promise.race([
        bus.stop(),
        new Promise((_, reject) => setTimeout(() => reject(new Error('still stopping')), 9_000).unref()),
      ]);
      await expect(published).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it('keeps messages while the broker refuses them, reports it, and acknowledges meanwhile', async () => {
    const consumer = await start();
    const bus = await start({ confirmTimeout: 1_000 });
    const inbox: Delivery[] = [];
    await consumer.consume(topology.queue, { prefetch: 1 }, (delivery) => void inbox.push(delivery));
    await Promise.all(['1', '2'].map((body) => bus.publish(sample(topology, body))));
    await until('the first', () => inbox.length === 1);
    await broker.ctl('set_vm_memory_high_watermark', '0');
    try {
      // RabbitMQ notifies a publisher only when it publishes.
      await expect(bus.publish(sample(topology, '3'))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
      await until('health', () => !bus.health().ok);
      expect(bus.health()).toMatchObject({
        reason: expect.stringMatching(/has blocked publishers since \S+Z \(low on memory\)/),
      });
      await expect(bus.publish(sample(topology, '4'))).rejects.toMatchObject({
        message: expect.stringMatching(/low on memory/),
      });
      inbox[0]!.ack();
      await until('the second', () => inbox.length === 2);
    } finally {
      await broker.ctl('set_vm_memory_high_watermark', '0.4');
    }
    await until('health', () => bus.health().ok);
    await bus.publish(sample(topology, '5'));
  }, 60_000);

  it('reconnects after the connection was cut, as often as necessary, and consumes again', async () => {
    const proxy = await tcpProxy(broker.port);
    try {
      const bus = await start({ url: `amqp://guest:guest@127.0.0.1:${proxy.port}` });
      const received = await collect(bus);
      const numbers = publishNumbers(bus);
      for (let cut = 0; cut < 3; cut++) {
        const before = received.size;
        await until('traffic', () => received.size > before + 20);
        proxy.cut();
      }
      const before = received.size;
      await until('traffic', () => received.size > before + 20);
      const count = await numbers.stop();
      await until('all messages', () => received.size === count);
    } finally {
      await proxy.close();
    }
  }, 60_000);

  it('ignores settling on a lost connection; the messages are delivered again', async () => {
    const proxy = await tcpProxy(broker.port);
    try {
      const bus = await start({ url: `amqp://guest:guest@127.0.0.1:${proxy.port}` });
      const inbox: Delivery[] = [];
      await bus.consume(topology.queue, { prefetch: 10 }, (delivery) => void inbox.push(delivery));
      await Promise.all(['1', '2'].map((body) => bus.publish(sample(topology, body))));
      await until('both', () => inbox.length === 2);
      proxy.cut();
      await until('both again', () => inbox.length === 4);
      expect(inbox.map(({ isGone }) => isGone)).toEqual([true, true, false, false]);
      inbox[0]!.ack();
      inbox[1]!.requeue();
      expect(inbox.slice(2).every(({ redelivered }) => redelivered)).toBe(true);
      expect(inbox.map(({ attempts }) => attempts)).toEqual([0, 0, 1, 1]);
      inbox[2]!.ack();
      inbox[3]!.ack();
      await bus.stop();
      await onBroker(broker.url, async (channel) =>
        expect((await channel.checkQueue(topology.queue)).messageCount).toBe(0),
      );
    } finally {
      await proxy.close();
    }
  });

  it('delivers the unsettled messages of a killed consumer to the next one', async () => {
    const bus = await start();
    await Promise.all(['1', '2', '3'].map((body) => bus.publish(sample(topology, body))));
    const script = await bundle(new URL('hold-messages.ts', import.meta.url));
    const child = spawn(process.execPath, [script, broker.url, topology.queue, '3'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    try {
      await Promise.race([
        once(child.stdout, 'data'),
        ended.then(() => Promise.reject(new Error('the consumer ended by itself'))),
      ]);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    const received = await collect(bus);
    await until('all of them', () => received.size === 3);
  }, 60_000);

  it('sends acknowledgements that were made immediately before a stop', async () => {
    const bus = await start();
    const inbox: Delivery[] = [];
    const subscription = await bus.consume(
      topology.queue,
      { prefetch: 500 },
      (delivery) => void inbox.push(delivery),
    );
    await Promise.all(Array.from({ length: 500 }, (_, i) => bus.publish(sample(topology, String(i)))));
    await until('all', () => inbox.length === 500);
    await subscription.cancel();
    for (const delivery of inbox) delivery.ack();
    await bus.stop();
    await onBroker(broker.url, async (channel) =>
      expect((await channel.checkQueue(topology.queue)).messageCount).toBe(0),
    );
  });
});
