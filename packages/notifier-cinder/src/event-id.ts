import { PayloadReader } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core';

import type { CinderResource } from './resources.js';

/**
 * `cinder-volume-usage-audit --send_actions` announces the creations and deletions of its period again, and a second
 * run for one period everything, under new message ids. A creation or deletion is one for its resource, `exists` is one
 * for its resource and period; a resource may be resized or attached often.
 */
const identifying: Readonly<Record<string, readonly string[]>> = {
  'create.end': [],
  'delete.start': [],
  exists: ['audit_period_beginning', 'audit_period_ending'],
};

/** What makes the event one: its content where cinder may repeat it, else (or where that is not there) its message id. */
export function eventId({ kind, id }: CinderResource, { eventType, messageId, payload }: Notification): string {
  const fields = identifying[eventType.slice(kind.length + 1)];
  if (fields === undefined) return messageId;
  const reader = new PayloadReader(payload);
  const content = [id, ...fields].map((key) => reader.value(key));
  return content.every((value) => typeof value === 'string') ? JSON.stringify([eventType, ...content]) : messageId;
}
