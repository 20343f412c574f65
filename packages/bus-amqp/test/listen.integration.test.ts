import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { MessageBus, TransientQueue } from '@nephoscope/core/message-bus';

import { bundle } from '../../../tools/testbed/bundle.js';
import { freeze } from '../../../tools/testbed/freeze.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, tcpProxy, until } from './support.js';

let broker: PrivateRabbitmq;

beforeAll(async () => {
  broker = await startRabbitmq();
}, 120_000);
afterAll(() => broker.stop(), 60_000);

const queue: TransientQueue = {
  exchange: 'ceilometer',
  queue: 'compute.node-1',
  bindings: ['compute.node-1'],
  messageTtl: 5_000,
  maxMessages: 1_000,
};
const message = {
  exchange: 'ceilometer',
  routingKey: 'compute.node-1',
  contentType: 'application/json',
  body: Buffer.from('{}'),
};

describe('listening on the AMQP bus', () => {
  const buses: MessageBus[] = [];
  afterEach(() => Promise.all(buses.splice(0).map((bus) => bus.stop())));

  async function start(url = broker.url): Promise<MessageBus> {
    const bus = createBus({ url });
    buses.push(bus);
    await bus.start(AbortSignal.timeout(20_000));
    return bus;
  }

  const queues = async () =>
    (await broker.ctl('list_queues', 'name', 'durable', 'auto_delete', 'exclusive', 'arguments'))
      .split('\n')
      .filter((line) => line.startsWith(queue.queue));

  it("leaves nothing behind, neither in memory nor on the broker's disk", async () => {
    const bus = await start();
    await bus.listen(queue, () => undefined);
    const [line, ...others] = await queues();
    expect(others).toEqual([]);
    expect(line).toMatch(/^compute\.node-1\.\w+\s+false\s+true\s+true\s+.*"x-message-ttl",5000/);
    await bus.stop();
    await until('it is gone', async () => (await queues()).length === 0);
  });

  it('resumes on each new connection', async () => {
    const proxy = await tcpProxy(broker.port);
    try {
      const sender = await start();
      const listener = await start(`amqp://guest:guest@127.0.0.1:${proxy.port}`);
      let heard = 0;
      await listener.listen(queue, () => void heard++);
      for (let cut = 0; cut < 3; cut++) {
        const before = heard;
        await until('a message', () =>
          sender.publish(message).then(
            () => until('its arrival', () => heard > before).then(() => true),
            () => false,
          ),
        );
        proxy.cut();
        await until('the end of the queue', async () => (await queues()).length <= 1);
      }
    } finally {
      await proxy.close();
    }
  });

  /** Starts another process that listens and is then suspended. */
  async function besideOneThatHangs(of: TransientQueue, body: () => Promise<void>): Promise<void> {
    const script = await bundle(new URL('listen.ts', import.meta.url));
    const child = spawn(process.execPath, [script, broker.url, JSON.stringify(of)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    try {
      await Promise.race([
        once(child.stdout, 'data'),
        ended.then(() => Promise.reject(new Error('the listener ended by itself'))),
      ]);
      await freeze(child.pid as number);
      await body();
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  }

  it('receives everything even if another process of the same name hangs', async () => {
    await besideOneThatHangs(queue, async () => {
      const bus = await start();
      let heard = 0;
      await bus.listen(queue, () => void heard++);
      await Promise.all(Array.from({ length: 20 }, () => bus.publish(message)));
      await until('all', () => heard === 20);
    });
    await until('its queue is gone', async () => (await queues()).length === 1);
  }, 60_000);

  it('rejects messages that exceed the queue of a hanging listener, and the bus stays healthy', async () => {
    await besideOneThatHangs({ ...queue, maxMessages: 5 }, async () => {
      const bus = await start();
      const large = { ...message, isTransient: true, body: Buffer.alloc(1024 * 1024) };
      const send = () => Promise.allSettled(Array.from({ length: 10 }, () => bus.publish(large)));
      await until('it takes no more', async () =>
        (await send()).every(({ status, reason }: { status: string; reason?: unknown }) => {
          if (status === 'rejected') expect(reason).toMatchObject({ code: 'BUS_UNAVAILABLE' });
          return status === 'rejected';
        }),
      );
      expect(bus.health()).toEqual({ ok: true });
    });
    await until('its queue is gone', async () => (await queues()).length === 0);
  }, 60_000);

  it('receives all messages of a flood that the broker confirmed', async () => {
    const [bus, flooding] = [await start(), await start()];
    let heard = 0;
    await bus.listen(queue, () => void heard++);
    const flood = Array.from({ length: 20_000 }, () => flooding.publish({ ...message, isTransient: true }));
    const taken = (await Promise.allSettled(flood)).filter(({ status }) => status === 'fulfilled').length;
    await until('all that was taken', () => heard === taken);
  });

  it('reports that the broker does not permit it', async () => {
    await broker.ctl('add_user', 'limited', 'secret');
    await broker.ctl('set_permissions', 'limited', '^$', '^$', '^$');
    const bus = await start(broker.url.replace('guest:guest', 'limited:secret'));
    await expect(bus.listen(queue, () => undefined)).rejects.toMatchObject({
      code: 'BUS_TOPOLOGY',
      message: expect.stringContaining('compute.node-1'),
    });
  });
});
