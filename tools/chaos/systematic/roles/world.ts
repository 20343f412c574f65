import { AmqpBus, amqpOptions } from '@nephoscope/bus-amqp';
import type { Logger } from '@nephoscope/core';
import type { QueueTopology } from '@nephoscope/core/message-bus';
import { Secret } from '@nephoscope/core/options';
import { meteringContentType, meteringTopology } from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import type { Channel, ChannelModel } from 'amqplib';

import type { Trial } from '../program.js';

/** A separate virtual host, and a connection for observing it that is never cut. */
export interface World {
  readonly model: ChannelModel;
  readonly url: string;
  readonly logger: Logger;
}

/** A program whose connection is cut at every frame. */
export interface Role {
  readonly name: string;
  prepare(world: World): Promise<Trial>;
}

export const secret = new Secret('a secret for the systematic test');

/** The topology for notifications of services. */
export const services: QueueTopology = {
  exchange: 'nova',
  exchangeOwner: 'service',
  queue: 'nephoscope.notifications',
  bindings: ['notifications.info'],
  deadLetterQueue: 'nephoscope.notifications.dead',
};

/** A bus with a heartbeat so short that a silent connection is given up within seconds. */
export function busAt(url: string, logger: Logger): AmqpBus {
  return new AmqpBus({
    options: amqpOptions.parse({ url, heartbeat: '1s' }),
    logger,
    clock: systemClock,
    host: 'systematic',
  });
}

/** Declares what all programs of a cloud find on the broker: this many queues. */
export const furniture = 4;
export async function furnish(world: World): Promise<void> {
  const bus = busAt(world.url, world.logger);
  await bus.declare(meteringTopology);
  await bus.declare(services);
  await bus.start(AbortSignal.timeout(30_000));
  await bus.stop();
}

export async function onConfirmed(
  { model }: World,
  bodies: readonly string[],
  to = meteringTopology.queue,
): Promise<void> {
  const channel = await model.createConfirmChannel();
  const options = { contentType: meteringContentType, persistent: true };
  for (const body of bodies) channel.sendToQueue(to, Buffer.from(body), options);
  await channel.waitForConfirms();
  await channel.close();
}

export async function takeAll(world: World, from: string): Promise<readonly string[]> {
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

export async function countOf(world: World, name: string): Promise<number> {
  let count = 0;
  await onChannel(world, async (channel) => void (count = (await channel.checkQueue(name)).messageCount));
  return count;
}

export async function onChannel({ model }: World, act: (channel: Channel) => Promise<unknown>): Promise<void> {
  const channel = await model.createChannel();
  // The request fails as well; without a listener the event would throw.
  channel.on('error', () => undefined);
  await act(channel);
  await channel.close();
}
