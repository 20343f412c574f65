import type { DeadLetter } from '@nephoscope/core';
import type { ConsumeMessage } from 'amqplib';

import type { Outgoing } from './publisher.js';
import { longestName, sendableHeaders } from './sendable-headers.js';

/** Characters of a dead letter's reason: headers must fit into one frame. */
const longestReason = 2_000;

/** A message as it is set aside: its own content type and headers, and why, from where and when. */
export function deadLetterOf(
  { properties, fields }: ConsumeMessage,
  deadLetterQueue: string,
  reason: string,
  at: Date,
  body: Uint8Array,
): Outgoing {
  return {
    exchange: '',
    routingKey: deadLetterQueue,
    contentType: isShort(properties.contentType) ? properties.contentType : undefined,
    headers: {
      ...sendableHeaders(properties.headers),
      'x-reason': reason.slice(0, longestReason),
      'x-original-exchange': fields.exchange,
      'x-original-routing-key': fields.routingKey,
      'x-dead-lettered-at': at.toISOString(),
    },
    body,
  };
}

/** Reads what `deadLetterOf` wrote, or what the broker noted where a policy made it set the message aside. */
export function readDeadLetter({ content, properties }: ConsumeMessage): DeadLetter {
  const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const death = firstOf(headers['x-death']);
  return {
    body: content,
    contentType: text(properties.contentType),
    reason: text(headers['x-reason']),
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
