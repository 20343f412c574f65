import { readFileSync, readdirSync } from 'node:fs';

import type { Metadata } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';

/** A notification as consumed from a broker. */
export interface RecordedNotification {
  /** The name of its file, without `.json`. */
  readonly name: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly notification: Notification;
}

/**
 * Reads recordings for the tests of a notification plugin: files `{exchange, routing_key, body}`, in which `body` is
 * what oslo.messaging sent, in its envelope.
 *
 * @param folder ends with a slash; every file in it is a recording
 */
export function recordedNotifications(folder: URL): readonly RecordedNotification[] {
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const { exchange, routing_key, body } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
        readonly exchange: string;
        readonly routing_key: string;
        readonly body: string;
      };
      const message = JSON.parse((JSON.parse(body) as { 'oslo.message': string })['oslo.message']) as Message;
      return { name: file.replace(/\.json$/, ''), exchange, routingKey: routing_key, notification: of(message) };
    });
}

/** The notifications of {@link recordedNotifications} by the names of their files. */
export function recordedByName(folder: URL): {
  readonly captureNames: readonly string[];
  /** @throws Error if there is none */
  capture(name: string): Notification;
} {
  const recorded = new Map(recordedNotifications(folder).map(({ name, notification }) => [name, notification]));
  return {
    captureNames: [...recorded.keys()].sort(),
    capture(name) {
      const notification = recorded.get(name);
      if (notification === undefined) throw new Error(`no '${name}' was recorded`);
      return notification;
    },
  };
}

type Message = Pick<Notification, 'payload' | 'timestamp' | 'priority'> & {
  readonly message_id: string;
  readonly event_type: string;
  readonly publisher_id: string;
  readonly [key: string]: Metadata[string];
};

function of(message: Message): Notification {
  const context = Object.entries(message).filter(([key]) => key.startsWith('_context_'));
  return {
    messageId: message.message_id,
    eventType: message.event_type,
    publisherId: message.publisher_id,
    priority: message.priority,
    timestamp: message.timestamp,
    payload: message.payload,
    context: Object.fromEntries(context.map(([key, value]) => [key.slice('_context_'.length), value])),
  };
}
