import type { Notification } from '@nephoscope/core';
import { recordedNotifications } from '@nephoscope/testing';

const recorded = new Map(
  recordedNotifications(new URL('captures/', import.meta.url)).map(({ name, notification }) => [
    name,
    notification,
  ]),
);

/** What was recorded, each by its exchange and event type. */
export const captureNames: readonly string[] = [...recorded.keys()].sort();

export function capture(name: string): Notification {
  const notification = recorded.get(name);
  if (notification === undefined) throw new Error(`no '${name}' was recorded`);
  return notification;
}
