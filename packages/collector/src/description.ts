import { createHash } from 'node:crypto';

import type { Delivery } from '@nephoscope/core/message-bus';

/** A replacement for unreadable content, which may include credentials: enough to identify it, without any of it. */
export function descriptionOf(
  { body, routingKey, compression }: Pick<Delivery, 'body' | 'routingKey' | 'compression'>,
  reason: string,
): Uint8Array {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const described = { size: body.byteLength, sha256, compression, routing_key: routingKey, reason };
  return Buffer.from(JSON.stringify(described), 'utf8');
}
