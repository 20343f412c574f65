import type { Logger } from '@nephoscope/core';
import type { TransientQueue } from '@nephoscope/core/message-bus';
import { randomBytes } from 'node:crypto';

import type { Connection } from './open-connection.js';
import { declareExchange, insist } from './topology.js';

/**
 * Declares a queue with this prefix and a random suffix, exclusive to this connection, so that neither a hanging
 * process nor the broker's state of a lost connection blocks the next one, or takes its messages.
 *
 * @returns its full name
 * @throws BUS_TOPOLOGY
 */
export async function declareTransient(
  connection: Connection,
  { exchange, queue, bindings, messageTtl, maxMessages }: TransientQueue,
  logger: Logger,
): Promise<string> {
  await declareExchange(connection, exchange, logger);
  const name = `${queue}.${randomBytes(6).toString('hex')}`;
  await insist(connection, `declare queue '${name}' and bind it to exchange '${exchange}'`, async (channel) => {
    const limits = { messageTtl, maxLength: maxMessages, arguments: { 'x-overflow': 'reject-publish' } };
    await channel.assertQueue(name, { exclusive: true, autoDelete: true, durable: false, ...limits });
    for (const pattern of bindings) await channel.bindQueue(name, exchange, pattern);
  });
  return name;
}
