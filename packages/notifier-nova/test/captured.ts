import type { Metadata } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';
import { recordedNotifications } from '@nephoscope/testing';

/** The notifications of a real nova, one for each event type and form. */
export const captured = recordedNotifications(new URL('captures/', import.meta.url));

export function capturedNotification(eventType: string): Notification {
  const found = captured.find(({ notification }) => notification.eventType === eventType);
  if (found === undefined) throw new Error(`no '${eventType}' was captured`);
  return found.notification;
}

/** The notification with some fields of its payload changed; `undefined` removes a field. */
export function withPayload(
  notification: Notification,
  changes: Readonly<Record<string, Metadata[string] | undefined>>,
): Notification {
  const fields = Object.entries({ ...notification.payload, ...changes });
  return {
    ...notification,
    payload: Object.fromEntries(
      fields.filter((field): field is [string, Metadata[string]] => field[1] !== undefined),
    ),
  };
}

/** The same for the fields of a nova object, found under `path`. */
export function withNovaObject(
  notification: Notification,
  path: readonly string[],
  changes: Readonly<Record<string, Metadata[string] | undefined>>,
): Notification {
  const change = (node: Metadata, [key, ...rest]: readonly string[]): Metadata => {
    if (key !== undefined) return { ...node, [key]: change(node[key] as Metadata, rest) };
    return withPayload({ ...notification, payload: node }, changes).payload;
  };
  return { ...notification, payload: change(notification.payload, path) };
}

/** The notification with some fields of its context changed. */
export const withContext = (notification: Notification, changes: Notification['context']): Notification => ({
  ...notification,
  context: { ...notification.context, ...changes },
});
