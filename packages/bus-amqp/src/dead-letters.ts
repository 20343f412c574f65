import type { DeadLetter, DeadLetterPart } from '@nephoscope/core/message-bus';

import type { ConsumeMessage } from './broker-channel.js';
import type { Outgoing } from './publisher.js';
import { longestName, sendableHeaders } from './sendable-headers.js';

/** Characters of a dead letter's reason: headers must fit into one frame. */
const longestReason = 2_000;

/** kombu's header; what it names the body is compressed with. */
const compressionHeader = 'compression';

/**
 * A message as it is set aside: its own content type and headers, and why, from where and when. A part has of the
 * headers no more than it is long itself: however many parts a message falls into, they do not have them all.
 */
export function deadLetterOf(
  { content, properties, fields }: ConsumeMessage,
  deadLetterQueue: string,
  reason: string,
  at: Date,
  part: DeadLetterPart | undefined,
): Outgoing {
  const { [compressionHeader]: compression, ...others }: Record<string, unknown> = properties.headers ?? {};
  const headers =
    part === undefined
      ? sendableHeaders({ ...others, ...(compression !== undefined && { [compressionHeader]: compression }) })
      : sendableHeaders(others, part.body.byteLength);
  const contentType: unknown = part?.contentType ?? properties.contentType;
  return {
    exchange: '',
    routingKey: deadLetterQueue,
    contentType: isShort(contentType) ? contentType : undefined,
    headers: {
      ...headers,
      'x-reason': reason.slice(0, longestReason),
      'x-original-exchange': fields.exchange,
      'x-original-routing-key': fields.routingKey,
      'x-dead-lettered-at': at.toISOString(),
    },
    body: part?.body ?? content,
  };
}

/** Quorum queues count; where the header is missing it is the first time. */
export function attemptsOf({ properties }: ConsumeMessage): number {
  const count: unknown = properties.headers?.['x-delivery-count'];
  return typeof count === 'number' ? count : 0;
}

/** How the body is compressed, as its sender named it. */
export function compressionOf({ properties }: ConsumeMessage): string | undefined {
  return text(properties.headers?.[compressionHeader]) || undefined;
}

/** Reads what `deadLetterOf` wrote, or what the broker noted where a policy made it set the message aside. */
export function readDeadLetter(message: ConsumeMessage): DeadLetter {
  const { content, properties } = message;
  const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const death = firstOf(headers['x-death']);
  return {
    body: content,
    contentType: text(properties.contentType),
    compression: compressionOf(message),
    reason: text(headers['x-reason']) ?? reasonOf(death),
    at: text(headers['x-dead-lettered-at']) ?? timeOf(death['time']),
    routingKey: text(headers['x-original-routing-key']) ?? text([death['routing-keys']].flat()[0]),
  };
}

/** A text that was no UTF-8 is longer than it came. */
function isShort(value: unknown): value is string {
  return typeof value === 'string' && Buffer.byteLength(value) <= longestName;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function firstOf(value: unknown): Readonly<Record<string, unknown>> {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  return typeof first === 'object' && first !== null ? { ...first } : {};
}

/** The library's form of an AMQP timestamp: `{ '!': 'timestamp', value: <seconds since 1970> }`. */
function timeOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('value' in value)) return undefined;
  const date = new Date(Number(value.value) * 1_000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** Of what the broker set aside: a part of the reasons that it knows can be met here. */
function reasonOf({ reason, queue }: Readonly<Record<string, unknown>>): string | undefined {
  if (reason === 'expired')
    return `expired: RabbitMQ took it off queue '${String(queue)}' because of a TTL set by a policy or the queue`;
  if (reason === 'maxlen')
    return `maxlen: queue '${String(queue)}' was full, and RabbitMQ dropped its oldest message`;
  return text(reason);
}
