import { formatTimestamp, isTimestamp, parseTimestamp } from '@nephoscope/core';
import type { MetadataValue } from '@nephoscope/core';
import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

import type { CinderResource } from './resources.js';

/**
 * `cinder-volume-usage-audit --send_actions` announces the creations and deletions of its period again, and a second
 * run for one period everything, under new message ids. A creation is one for its resource, `exists` is one for its
 * resource and period. Anything else may happen often to a resource, a deletion too, which may fail: each is one event
 * for itself, and what the audit repeats of a deletion is told apart by {@link isRepeatedDeletion}.
 */
const identifying: Readonly<Record<string, readonly string[]>> = {
  'create.end': [],
  exists: ['audit_period_beginning', 'audit_period_ending'],
};

/** What makes the event one: its content where cinder may repeat it, else (or where that is not there) its message id. */
export function eventId({ kind, id }: CinderResource, { eventType, messageId, payload }: Notification): string {
  const fields = identifying[actionOf(kind, eventType)];
  if (fields === undefined) return messageId;
  const reader = new PayloadReader(payload);
  const content = [reader.value(id), ...fields.map((key) => inSeconds(reader.value(key)))];
  return content.every((value) => typeof value === 'string') ? JSON.stringify([eventType, ...content]) : messageId;
}

/**
 * Whether the audit repeats a deletion: only the audit gives a deletion a period. Nothing in it says which of several
 * announcements it repeats, and the `exists` that the same run sends of the same resource has the same figures.
 */
export function isRepeatedDeletion({ kind }: CinderResource, { eventType, payload }: Notification): boolean {
  const reader = new PayloadReader(payload);
  return actionOf(kind, eventType) === 'delete.start' && reader.value('audit_period_ending') !== null;
}

/**
 * A time in cinder's own words, whole seconds as nova's are taken, too: a period is the same however it is written. What is not a time stays as
 * it is.
 */
function inSeconds(time: MetadataValue): MetadataValue {
  if (!isTimestamp(time)) return time;
  return formatTimestamp(parseTimestamp(time)).replace(/T(\d\d:\d\d:\d\d)\.\d+/, ' $1');
}

function actionOf(kind: string, eventType: string): string {
  return eventType.slice(kind.length + 1);
}
