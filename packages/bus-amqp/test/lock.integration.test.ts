import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import type { Clock } from '@nephoscope/core';
import type { Leadership, MessageBus } from '@nephoscope/core/message-bus';

import { bundle } from '../../../tools/testbed/bundle.js';
import { freeze } from '../../../tools/testbed/freeze.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, hurriedClock, onBroker, tcpProxy, until } from './support.js';

let broker: PrivateRabbitmq;

beforeAll(async () => {
  broker = await startRabbitmq();
}, 120_000);
afterAll(() => broker.stop(), 60_000);

const singleActive = { durable: true, arguments: { 'x-single-active-consumer': true } };
const text = (note: Uint8Array) => Buffer.from(note).toString();
const deadline = () => AbortSignal.timeout(50_000);

describe('a lock on the AMQP bus', () => {
  let name: string;
  const buses: MessageBus[] = [];

  beforeEach(() => {
    name = `test-${randomUUID()}`;
  });
  afterEach(() => Promise.all(buses.splice(0).map((bus) => bus.stop())));

  async function start(options: Readonly<Record<string, unknown>> = {}, clock?: Clock): Promise<MessageBus> {
    const bus = createBus({ url: broker.url, ...options }, [], clock);
    buses.push(bus);
    await bus.start(AbortSignal.timeout(20_000));
    return bus;
  }

  let script: string;
  beforeAll(async () => {
    script = await bundle(new URL('hold-lock.ts', import.meta.url));
  });

  /** A process that holds the lock and counts in its note. */
  function holder() {
    const child = spawn(process.execPath, [script, broker.url, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const said: string[] = [];
    createInterface(child.stdout).on('line', (line) => said.push(line));
    return {
      child,
      ended,
      said,
      /** The last count that was reported as saved. */
      left: () => Number(said.findLast((line) => line.startsWith('left'))?.split(' ')[1] ?? 0),
    };
  }

  it('is held by one program at a time, however many request it', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => start()));
    let holders = 0;
    let rounds = 0;
    await Promise.all(
      all.map(async (bus) => {
        for (let round = 0; round < 5; round++) {
          const lock = await bus.lead(name, deadline());
          expect(++holders).toBe(1);
          expect(text(lock.note)).toBe(rounds === 0 ? '' : String(rounds));
          await lock.saveNote(Buffer.from(String(++rounds)));
          holders--;
          await lock.release();
        }
      }),
    );
    expect(rounds).toBe(20);
    await onBroker(broker.url, async (channel) =>
      until('one message', async () => (await channel.checkQueue(`${name}.lock`)).messageCount === 1),
    );
  }, 60_000);

  it('uses a connection that ends sooner than others if its program is suspended; the kernel watches all connections', async () => {
    const bus = await start();
    await bus.lead(name, deadline());
    const connections = async () => {
      const listed = await broker.ctl(
        'list_connections',
        '--silent',
        '--formatter',
        'json',
        'timeout',
        'peer_port',
      );
      return JSON.parse(listed) as { timeout: number; peer_port: number }[];
    };
    await until('both', async () => (await connections()).length === 2);
    expect((await connections()).map(({ timeout }) => timeout).sort()).toEqual([20, 60]);
    // proc(5): local address, remote address, state, queues, and the timer, which is 02 for keepalive on an idle connection.
    const timers = async () => {
      const sockets = (await readFile('/proc/net/tcp', 'utf8'))
        .split('\n')
        .map((line) => line.trim().split(/\s+/));
      return (await connections()).map(({ peer_port: port }) => {
        const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
        return sockets.find(([, address]) => address === local)?.[5]?.slice(0, 2);
      });
    };
    await until('the timers', async () => (await timers()).every((timer) => timer === '02'));
  }, 60_000);

  it('passes, with every saved note, to the next program if its holder is killed during a write', async () => {
    const bus = await start();
    for (let kill = 0; kill < 4; kill++) {
      const { child, ended, said, left } = holder();
      let next: Promise<Leadership>;
      try {
        await until('some counts', () => left() % 100 > 20 + kill);
        next = bus.lead(name, deadline());
      } finally {
        child.kill('SIGKILL');
        await ended;
      }
      const lock = await next;
      expect(said[0]).toMatch(/^held/);
      // A note whose confirmation was lost may be there too.
      expect([left(), left() + 1]).toContain(Number(text(lock.note)));
      await lock.release();
    }
  }, 90_000);

  it('is taken from a suspended process, which can no longer write when it resumes', async () => {
    const bus = await start();
    const { child, ended, said, left } = holder();
    try {
      await until('some counts', () => left() > 20);
      await freeze(child.pid as number);
      const lock = await bus.lead(name, deadline());
      const note = Number(text(lock.note));
      expect(note).toBeGreaterThanOrEqual(left());
      await lock.saveNote(Buffer.from('after the frozen one'));
      child.kill('SIGCONT');
      await ended;
      expect(said.at(-1)).toBe('refused true');
      expect(left()).toBeLessThanOrEqual(note);
      await lock.release();
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    expect(text((await bus.lead(name, deadline())).note)).toBe('after the frozen one');
  }, 60_000);

  it('is lost immediately with the connection, and granted again later', async () => {
    const proxy = await tcpProxy(broker.port);
    try {
      const bus = await start({ url: `amqp://guest:guest@127.0.0.1:${proxy.port}` });
      const lock = await bus.lead(name, deadline());
      await lock.saveNote(Buffer.from('note'));
      proxy.cut();
      await expect(lock.saveNote(Buffer.from('too late'))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
      expect(lock.lost.aborted).toBe(true);
      expect(lock.lost.reason).toMatchObject({ code: 'BUS_UNAVAILABLE', message: expect.stringContaining(name) });
      expect(text((await bus.lead(name, deadline())).note)).toBe('note');
    } finally {
      await proxy.close();
    }
  });

  it('is still requested after lost connections', async () => {
    const proxy = await tcpProxy(broker.port);
    try {
      const lock = await (await start()).lead(name, deadline());
      const bus = await start({ url: `amqp://guest:guest@127.0.0.1:${proxy.port}` }, hurriedClock);
      const waiting = bus.lead(name, deadline());
      const askers = () => onBroker(broker.url, (channel) => channel.checkQueue(`${name}.lock`));
      for (let cut = 0; cut < 3; cut++) {
        await until('both to ask', async () => (await askers()).consumerCount === 2);
        proxy.cut();
      }
      await lock.release();
      expect((await waiting).lost.aborted).toBe(false);
    } finally {
      await proxy.close();
    }
  });

  it('keeps its note after a power failure of the broker', async () => {
    const bus = await start();
    const lock = await bus.lead(name, deadline());
    await lock.saveNote(Buffer.from('note'));
    await broker.kill();
    await until('the loss', () => lock.lost.aborted);
    await broker.start();
    expect(text((await bus.lead(name, deadline())).note)).toBe('note');
  }, 90_000);

  it('uses the newest of several notes left by a crash, in whatever order they are', async () => {
    const queue = `${name}.lock`;
    await onBroker(broker.url, async (channel) => {
      await channel.assertQueue(queue, singleActive);
      for (const [count, note] of [
        [7, 'older'],
        [9, 'newest'],
        [0, ''],
        [8, 'old'],
      ] as const)
        channel.sendToQueue(queue, Buffer.from(note), { headers: { 'x-count': count } });
      channel.sendToQueue(queue, Buffer.from('of somebody else'), { headers: { 'x-count': 'many' } });
    });
    const bus = await start();
    const lock = await bus.lead(name, deadline());
    expect(text(lock.note)).toBe('newest');
    await bus.stop();
    await onBroker(broker.url, async (channel) => {
      await until('one message', async () => (await channel.checkQueue(queue)).messageCount === 1);
      const message = await channel.get(queue, { noAck: true });
      expect(message && message.content.toString()).toBe('newest');
      expect(message && message.properties.deliveryMode).toBe(2);
    });
  });

  it('remains held longer than RabbitMQ lets a message stay unsettled', async () => {
    const set = (variable: string, ms: number) =>
      broker.ctl('eval', `application:set_env(rabbit, ${variable}, ${ms}).`);
    await set('channel_tick_interval', 200);
    await set('consumer_timeout', 2_000);
    try {
      const hurried = await (await start({}, hurriedClock)).lead(name, deadline());
      // On the real clock its note would not be renewed in time.
      const slow = await (await start()).lead(`${name}-slow`, deadline());
      await until('the loss', () => slow.lost.aborted);
      expect(hurried.lost.aborted).toBe(false);
      await hurried.saveNote(Buffer.from('note'));
    } finally {
      await set('channel_tick_interval', 60_000);
      await set('consumer_timeout', 1_800_000);
    }
  }, 60_000);

  it('is granted even if its messages have expired', async () => {
    await broker.ctl('set_policy', 'expire', '^test-', '{"message-ttl":1}', '--apply-to', 'queues');
    try {
      const lock = await (await start()).lead(name, deadline());
      const waiting = (await start({}, hurriedClock)).lead(name, deadline());
      await lock.release();
      expect((await waiting).lost.aborted).toBe(false);
    } finally {
      await broker.ctl('clear_policy', 'expire');
    }
  });

  it('is lost if its queue is deleted, and waiting programs request it again', async () => {
    const lock = await (await start()).lead(name, deadline());
    const waiting = (await start({}, hurriedClock)).lead(name, deadline());
    await onBroker(broker.url, async (channel) => {
      await until('both', async () => (await channel.checkQueue(`${name}.lock`)).consumerCount === 2);
      await channel.deleteQueue(`${name}.lock`);
    });
    await until('the loss', () => lock.lost.aborted);
    await expect(lock.saveNote(Buffer.from('x'))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    expect((await waiting).lost.aborted).toBe(false);
  });

  it('rejects a note that the broker does not confirm in time, and accepts the next one', async () => {
    const lock = await (await start({ confirmTimeout: 500 })).lead(name, deadline());
    await broker.ctl('set_vm_memory_high_watermark', '0');
    try {
      await expect(lock.saveNote(Buffer.from('1'))).rejects.toMatchObject({
        code: 'BUS_UNAVAILABLE',
        message: expect.stringMatching(/confirmed nothing within 0.5 s/),
      });
      expect(lock.lost.aborted).toBe(false);
    } finally {
      await broker.ctl('set_vm_memory_high_watermark', '0.4');
    }
    await until('a note', () =>
      lock.saveNote(Buffer.from('2')).then(
        () => true,
        () => false,
      ),
    );
    await lock.release();
    expect(text((await (await start()).lead(name, deadline())).note)).toBe('2');
  });

  it('refuses a queue that is not a lock', async () => {
    await onBroker(broker.url, (channel) => channel.assertQueue(`${name}.lock`, { durable: true }));
    await expect((await start()).lead(name, deadline())).rejects.toMatchObject({
      code: 'BUS_TOPOLOGY',
      message: expect.stringContaining(name),
    });
  });
});
