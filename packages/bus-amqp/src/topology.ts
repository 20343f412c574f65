import { NephoscopeError } from '@nephoscope/core';
import type { Logger, QueueTopology } from '@nephoscope/core';
import type { Channel, ChannelModel } from 'amqplib';

const accessRefused = 403;
const notFound = 404;
const preconditionFailed = 406;

/**
 * Makes sure that exchange, queue, bindings and dead letters exist. What exists is taken as it is: a
 * Ceilometer may have declared it with other arguments, and two programs that fight over arguments close
 * each other's channels. A user who may not declare goes on with what others declared.
 *
 * @throws BUS_TOPOLOGY when the broker has and makes no such exchange or queue
 */
export async function declareTopology(
  model: ChannelModel,
  topology: QueueTopology,
  logger: Logger,
): Promise<void> {
  const { exchange, queue, bindings, deadLetterQueue } = topology;
  const durable = { durable: true };

  await makeSure(
    `exchange '${exchange}'`,
    (channel) => channel.checkExchange(exchange),
    (channel) => channel.assertExchange(exchange, 'topic', durable),
  );
  for (const name of [queue, deadLetterQueue]) {
    await makeSure(
      `queue '${name}'`,
      (channel) => channel.checkQueue(name),
      (channel) => channel.assertQueue(name, durable),
    );
  }
  for (const pattern of bindings) {
    await attempt(`bind queue '${queue}' to exchange '${exchange}' with '${pattern}'`, (channel) =>
      channel.bindQueue(queue, exchange, pattern),
    );
  }

  async function makeSure(
    what: string,
    check: (channel: Channel) => Promise<unknown>,
    create: (channel: Channel) => Promise<unknown>,
  ) {
    const missing = await onChannel(model, check);
    if (missing === undefined) return;
    if (missing.code !== notFound) throw refusal(`look up ${what}`, missing);
    await attempt(`declare ${what}`, create);
  }

  async function attempt(what: string, declare: (channel: Channel) => Promise<unknown>) {
    const error = await onChannel(model, declare);
    if (error === undefined) return;
    // 406: somebody else was faster, with other arguments; what is there now is as good.
    if (error.code !== accessRefused && error.code !== preconditionFailed) throw refusal(what, error);
    logger.warn({ err: error }, `RabbitMQ did not let us ${what}: going on with what others declared`);
  }
}

function refusal(what: string, error: Error): NephoscopeError {
  return new NephoscopeError(
    'BUS_TOPOLOGY',
    `RabbitMQ did not let us ${what}; delete or rename what is in the way`,
    { cause: error },
  );
}

/**
 * Runs one request on a channel of its own, because a refused request closes its channel.
 *
 * @returns the broker's refusal, if it refused
 */
async function onChannel(
  model: ChannelModel,
  request: (channel: Channel) => Promise<unknown>,
): Promise<(Error & { readonly code: number }) | undefined> {
  const channel = await model.createChannel();
  // The refusal arrives twice, as this event and by the request; without a listener the event would throw.
  channel.on('error', () => undefined);
  try {
    await request(channel);
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number')
      return error as Error & { code: number };
    throw error;
  }
  await channel.close();
  return undefined;
}
