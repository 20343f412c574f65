import type { DeadLetter, DeadLetterPart } from '@nephoscope/core/message-bus';

import type { ConsumeMessage } from './broker-channel.js';
import type { Outgoing } from './publisher.js';
import { longestName, sendableHeaders } from './sendable-headers.js';

/** Maximum length of a dead letter's reason, because headers must fit into one frame. */
const longestReason = 2_000;

/** kombu's header, which names the compression of the body. */
const compressionHeader = 'compression';

/**
 * A message as a dead letter: with its content type and headers, and why, from where and when. The headers of a part
 * are limited to its own length, so that a message in many parts does not repeat all of them.
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

/** Counted by quorum queues; without the header it is the first delivery. */
export function attemptsOf({ properties }: ConsumeMessage): number {
  const count: unknown = properties.headers?.['x-delivery-count'];
  return typeof count === 'number' ? count : 0;
}

/** The compression of the body, as named by its sender. */
export function compressionOf({ properties }: ConsumeMessage): string | undefined {
  return text(properties.headers?.[compressionHeader]) || undefined;
}

/** Reads a dead letter written by `deadLetterOf`, or by the broker because of a policy. */
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

/** A text that was not UTF-8 is longer than the original. */
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

/** For dead letters of the broker: those of its reasons that can occur here. */
function reasonOf({ reason, queue }: Readonly<Record<string, unknown>>): string | undefined {
  if (reason === 'expired')
    return `expired: RabbitMQ took it off queue '${String(queue)}' because of a TTL set by a policy or the queue`;
  if (reason === 'maxlen')
    return `maxlen: queue '${String(queue)}' was full, and RabbitMQ dropped its oldest message`;
  return text(reason);
}
