import { randomUUID } from 'node:crypto';

import type { TransientQueue } from '@nephoscope/core/message-bus';
import { component } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';
import type { Channel } from 'amqplib';

import { runProgram, until } from '../program.js';
import { busAt, onChannel, onConfirmed, services } from './world.js';
import type { Role } from './world.js';

const passing: TransientQueue = {
  exchange: 'nephoscope.last-readings',
  queue: 'nephoscope.last-readings.systematic',
  bindings: ['systematic'],
  messageTtl: 10_000,
  maxMessages: 1_000,
};

/** Receives notifications on a service's exchange, and transient messages that are worthless when they are late. */
export const listener: Role = {
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
            // A transient message is sent repeatedly; the notification is sent once, when it can no longer be lost.
            const sayNow = async (channel: Channel) => {
              await channel.checkExchange(passing.exchange);
              channel.publish(passing.exchange, passing.bindings[0] as string, Buffer.from('now'));
              await channel.checkExchange(passing.exchange);
            };
            // The exchange does not exist until the program has declared it.
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
