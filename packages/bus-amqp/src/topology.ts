import { PermanentError } from '@nephoscope/core';
import type { Logger, NephoscopeError } from '@nephoscope/core';
import type { QueueTopology } from '@nephoscope/core/message-bus';

import type { BrokerChannel } from './broker-channel.js';
import type { Connection } from './open-connection.js';
import { quorum } from './queue-types.js';
import type { QueueTypes } from './queue-types.js';

const accessRefused = 403;
const notFound = 404;
const preconditionFailed = 406;

/**
 * Ensures that Nephoscope's exchange, queue and dead-letter queue exist and that the queue is bound. Existing ones are
 * used as they are: Ceilometer may have declared them with other arguments, and two programs that disagree on arguments
 * close each other's channels. A user without permission to declare continues with what others declared.
 *
 * @throws BUS_TOPOLOGY when an exchange or queue is missing and cannot be declared
 */
export async function declareTopology(
  connection: Connection,
  { exchange, exchangeOwner, queue, queueOwner, bindings, deadLetterQueue, maxBytes }: QueueTopology,
  queueTypes: QueueTypes,
  logger: Logger,
): Promise<void> {
  await declareQueue(connection, deadLetterQueue, {}, queueTypes, logger);
  if (queueOwner === 'service') return;
  // Messages expired by a policy go to the dead letters. For a bounded queue this is not set: dropped messages would go
  // there too, without a limit.
  const limit =
    maxBytes === undefined
      ? { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': deadLetterQueue }
      : { 'x-max-length-bytes': maxBytes };
  await declareQueue(connection, queue, limit, queueTypes, logger);
  if (exchangeOwner === 'service') return;
  await declareExchange(connection, exchange, logger);
  for (const pattern of bindings) {
    await attempt(connection, logger, bindingText(queue, exchange, pattern), (channel) =>
      channel.bindQueue(queue, exchange, pattern),
    );
  }
}

/** @throws BUS_TOPOLOGY */
export function declareExchange(connection: Connection, exchange: string, logger: Logger): Promise<void> {
  return makeSure(
    connection,
    logger,
    `exchange '${exchange}'`,
    (channel) => channel.checkExchange(exchange),
    // As oslo.messaging declares it, which fails if it exists with other arguments; a restart of the broker removes
    // it.
    (channel) => channel.assertExchange(exchange, 'topic', { durable: false }),
  );
}

/**
 * Binds a queue to an exchange that a service declares.
 *
 * @returns whether the exchange exists
 * @throws BUS_TOPOLOGY if the broker does not permit it
 */
export async function bindWhereThere(
  connection: Connection,
  { exchange, queue, bindings }: QueueTopology,
): Promise<boolean> {
  const missing = await onChannel(connection, (channel) => channel.checkExchange(exchange));
  if (missing?.code === notFound) return false;
  if (missing !== undefined) throw refusal(`look up exchange '${exchange}'`, missing);
  for (const pattern of bindings) {
    const error = await onChannel(connection, (channel) => channel.bindQueue(queue, exchange, pattern));
    // Deleted in between.
    if (error?.message.includes(`no exchange '${exchange}'`) === true) return false;
    if (error !== undefined) throw refusal(bindingText(queue, exchange, pattern), error);
  }
  return true;
}

/**
 * Checks repeatedly, over one channel, whether a queue is still bound to an exchange of a service. A channel that the
 * broker closed, as it does with a refusal, is replaced.
 */
export class BindingProbe {
  readonly #connection: Connection;
  #channel: BrokerChannel | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether the dead-letter queue exists and the queue is bound: each binding is repeated. */
  async isStillBound({ exchange, queue, bindings, deadLetterQueue }: QueueTopology): Promise<boolean> {
    const before = this.#channel;
    this.#channel = undefined;
    const channel = before?.ended.aborted === false ? before : await this.#connection.openChannel();
    const refused = await refusalOf(channel, async () => {
      await channel.checkQueue(deadLetterQueue);
      for (const pattern of bindings) await channel.bindQueue(queue, exchange, pattern);
    });
    if (refused === undefined) this.#channel = channel;
    return refused === undefined;
  }
}

/** Whether it may exist: true if the broker does not say. */
export async function isExchangeThere(
  connection: Connection,
  { exchange }: Pick<QueueTopology, 'exchange'>,
): Promise<boolean> {
  const missing = await onChannel(connection, (channel) => channel.checkExchange(exchange));
  return missing?.code !== notFound;
}

/** @throws BUS_TOPOLOGY if the broker gives no information, as for a queue exclusive to another connection */
export async function isQueueThere(connection: Connection, queue: string): Promise<boolean> {
  const missing = await onChannel(connection, (channel) => channel.checkQueue(queue));
  if (missing === undefined) return true;
  if (missing.code === notFound) return false;
  throw refusal(`look up queue '${queue}'`, missing);
}

/**
 * Runs a request that must be granted exactly as it is.
 *
 * @throws BUS_TOPOLOGY
 */
export async function insist(
  connection: Connection,
  what: string,
  request: (channel: BrokerChannel) => Promise<unknown>,
): Promise<void> {
  const error = await onChannel(connection, request);
  if (error !== undefined) throw refusal(what, error);
}

/** A quorum queue if the broker supports them, otherwise a durable classic queue. */
async function declareQueue(
  connection: Connection,
  queue: string,
  limits: Readonly<Record<string, number | string>>,
  queueTypes: QueueTypes,
  logger: Logger,
): Promise<void> {
  const create = (type: Readonly<Record<string, unknown>>) => (channel: BrokerChannel) =>
    channel.assertQueue(queue, { durable: true, arguments: { ...type, ...limits } });
  if (await isQueueThere(connection, queue)) return queueTypes.saw(queue);
  if (queueTypes.hasQuorum) {
    await queueTypes.vacated(queue);
    const error = await queueTypes.watch(() => onChannel(connection, create(quorum)));
    if (error === undefined) return queueTypes.made(queue);
    // A user who may not declare at all gets the error below.
    if (error.code !== accessRefused)
      logger.warn(
        { err: error, queue },
        `RabbitMQ made no quorum queue '${queue}': going on with a classic one, which lives on one node of a cluster`,
      );
  }
  await makeSure(connection, logger, `queue '${queue}'`, (channel) => channel.checkQueue(queue), create({}));
}

async function makeSure(
  connection: Connection,
  logger: Logger,
  what: string,
  check: (channel: BrokerChannel) => Promise<unknown>,
  create: (channel: BrokerChannel) => Promise<unknown>,
): Promise<void> {
  const missing = await onChannel(connection, check);
  if (missing === undefined) return;
  if (missing.code !== notFound) throw refusal(`look up ${what}`, missing);
  await attempt(connection, logger, `declare ${what}`, create);
}

async function attempt(
  connection: Connection,
  logger: Logger,
  what: string,
  declare: (channel: BrokerChannel) => Promise<unknown>,
): Promise<void> {
  const error = await onChannel(connection, declare);
  if (error === undefined) return;
  // 406: another program declared it first with other arguments; that queue is used.
  if (error.code !== accessRefused && error.code !== preconditionFailed) throw refusal(what, error);
  logger.warn(
    { err: error },
    `RabbitMQ did not permit this user to ${what}: continuing with existing declarations`,
  );
}

function bindingText(queue: string, exchange: string, pattern: string): string {
  return `bind queue '${queue}' to exchange '${exchange}' with '${pattern}'`;
}

/** A request that the broker refused. */
export function refusal(what: string, error: Error): NephoscopeError {
  return new PermanentError(
    'BUS_TOPOLOGY',
    `RabbitMQ did not permit this user to ${what}; delete or rename the conflicting exchange or queue`,
    { cause: error },
  );
}

/**
 * Runs one request on a separate channel, because a refused request closes its channel.
 *
 * @returns the broker's refusal, if it refused
 * @throws BUS_UNAVAILABLE
 */
async function onChannel(
  connection: Connection,
  request: (channel: BrokerChannel) => Promise<unknown>,
): Promise<(Error & { readonly code: number }) | undefined> {
  const channel = await connection.openChannel();
  const refused = await refusalOf(channel, request);
  if (refused === undefined) await channel.close();
  return refused;
}

/** The broker's refusal, if it refused: then the channel is closed. */
async function refusalOf(
  channel: BrokerChannel,
  request: (channel: BrokerChannel) => Promise<unknown>,
): Promise<(Error & { readonly code: number }) | undefined> {
  try {
    await request(channel);
    return undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number')
      return error as Error & { code: number };
    throw error;
  }
}
