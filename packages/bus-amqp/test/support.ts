import { randomUUID } from 'node:crypto';
import { createServer, connect as connectSocket } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { Clock, Logger } from '@nephoscope/core';
import type { MessageBus, QueueTopology } from '@nephoscope/core/message-bus';
import { connect } from 'amqplib';
import type { Channel } from 'amqplib';

import plugin, { AmqpBus } from '../src/index.js';
import { timeoutsOf } from '../src/timeouts.js';
import type { Timeouts } from '../src/timeouts.js';

const clock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  monotonic: () => process.hrtime.bigint(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/** A clock on which every pause is short. */
export const hurriedClock: Clock = { ...clock, sleep: (ms, signal) => clock.sleep(Math.min(ms, 20), signal) };

export interface LogEntry {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export function recordingLogger(entries: LogEntry[] = []): Logger {
  const at = (level: keyof Logger) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    void entries.push({ level, fields, message });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The bus as a program creates it, with options checked by the plugin's schema, but with shorter timeouts (ms). */
export function createBus(
  { connectTimeout, confirmTimeout, ...options }: Readonly<Record<string, unknown>> & Partial<Timeouts>,
  log: LogEntry[] = [],
  itsClock: Clock = clock,
): MessageBus {
  const parsed = plugin.options.parse(options);
  const usual = timeoutsOf(parsed.heartbeat);
  return new AmqpBus(
    { options: parsed, logger: recordingLogger(log), clock: itsClock, host: 'compute-1' },
    {
      connectTimeout: connectTimeout ?? usual.connectTimeout,
      confirmTimeout: confirmTimeout ?? usual.confirmTimeout,
    },
  );
}

/** The broker of the integration tests. */
export function sharedBroker(): string {
  const url = process.env['TESTBED_AMQP_URL'];
  if (url === undefined)
    throw new Error(
      'TESTBED_AMQP_URL is not set: run `npm test`, which starts a RabbitMQ, or set it to one of yours',
    );
  return url;
}

export function newTopology(): QueueTopology {
  const id = `test-${randomUUID()}`;
  return { exchange: id, queue: id, bindings: ['metering.#'], deadLetterQueue: `${id}.dead` };
}

export function sample({ exchange }: QueueTopology, body: string | Uint8Array = 'x') {
  return { exchange, routingKey: 'metering.cpu', contentType: 'application/json', body: Buffer.from(body) };
}

/** Does something on the broker without using the bus. */
export async function onBroker<T>(url: string, act: (channel: Channel) => Promise<T>): Promise<T> {
  const model = await connect(url);
  try {
    const channel = await model.createChannel();
    const result = await act(channel);
    // Otherwise the close could overtake what was published.
    await channel.close();
    return result;
  } finally {
    await model.close();
  }
}

export function remove(url: string, { exchange, queue, deadLetterQueue }: QueueTopology): Promise<void> {
  return onBroker(url, async (channel) => {
    await channel.deleteQueue(queue);
    await channel.deleteQueue(deadLetterQueue);
    for (const lock of [queue, deadLetterQueue]) await channel.deleteQueue(`${lock}.lock`);
    await channel.deleteExchange(exchange);
  });
}

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}`);
    await delay(10);
  }
}

/** A connection to a TCP port that a test can cut. */
export async function tcpProxy(port: number, listenOn = 0) {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connectSocket(port, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(listenOn, '127.0.0.1', resolve));
  const cut = () => open.forEach((socket) => socket.resetAndDestroy());
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    close: () => {
      cut();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
