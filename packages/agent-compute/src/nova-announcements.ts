import { isUtf8 } from 'node:buffer';

import type { Metadata, ServiceSettings } from '@nephoscope/core';
import type { MessageBus, Subscription } from '@nephoscope/core/message-bus';
import { announcedEnd, lastReadingMessage } from '@nephoscope/message';

// Announcements are worthless after seconds: the queue holds some hundred while the agent is away.
const maxBytes = 1024 * 1024;
const prefetch = 100;
// Anyone may publish there. nova's notifications have some hundred members, and 128 of an instance's metadata.
const largest = 256 * 1024;
const mostMembers = 1_000;

/**
 * For an agent without a collector: listens to all of nova's notifications and passes on, as requests for last
 * readings, those that announce the end of an instance of this host.
 */
export async function hearAnnouncements(
  bus: MessageBus,
  host: string,
  {
    exchange: exchanges = ['nova'],
    format,
    topics = [format === 'versioned' ? 'versioned_notifications' : 'notifications'],
  }: ServiceSettings,
  onRequest: (body: Uint8Array) => void,
): Promise<Subscription> {
  const queue = `nephoscope.compute.${host}.announcements`;
  for (const exchange of exchanges)
    await bus.declare({
      exchange,
      exchangeOwner: 'service',
      queue,
      bindings: topics.map((topic) => `${topic}.info`),
      deadLetterQueue: `${queue}.dead`,
      maxBytes,
    });
  return bus.consume(queue, { prefetch }, (delivery) => {
    const end = endIn(delivery.body);
    if (end?.host === host) onRequest(lastReadingMessage(host, end.request).body);
    delivery.ack();
  });
}

/**
 * The end announced by a notification, in oslo.messaging's envelope or bare; undefined for all others, readable or
 * not, and for what nova would not send.
 */
export function endIn(body: Uint8Array): ReturnType<typeof announcedEnd> {
  if (body.byteLength > largest || !isUtf8(body)) return undefined;
  const text = Buffer.from(body).toString('utf8');
  if ((text.match(/"\s*:/g)?.length ?? 0) > mostMembers) return undefined;
  const outer = parse(text);
  const inner = outer['oslo.message'];
  const { event_type: eventType, payload, timestamp } = typeof inner === 'string' ? parse(inner) : outer;
  if (typeof eventType !== 'string' || typeof timestamp !== 'string') return undefined;
  if (typeof payload !== 'object' || payload === null) return undefined;
  return announcedEnd({ eventType, timestamp, payload: payload as Metadata });
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not a notification.
    return {};
  }
}
