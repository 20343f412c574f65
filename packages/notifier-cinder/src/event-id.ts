import { formatTimestamp, isTimestamp, parseTimestamp } from '@nephoscope/core';
import type { MetadataValue } from '@nephoscope/core';
import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

import type { CinderResource } from './resources.js';

/**
 * `cinder-volume-usage-audit --send_actions` sends the creations and deletions of its period again, and a second run
 * for the same period sends everything again, under new message ids. A creation is identified by its resource, an
 * `exists` by resource and period. All other events may happen repeatedly, including a deletion that fails: each is
 * an event of its own, and the audit's repetition of a deletion is detected by {@link isRepeatedDeletion}.
 */
const identifying: Readonly<Record<string, readonly string[]>> = {
  'create.end': [],
  exists: ['audit_period_beginning', 'audit_period_ending'],
};

/** Identifies the event: its content if cinder may repeat it, otherwise (or if that is missing) its message id. */
export function eventId({ kind, id }: CinderResource, { eventType, messageId, payload }: Notification): string {
  const fields = identifying[actionOf(kind, eventType)];
  if (fields === undefined) return messageId;
  const reader = new PayloadReader(payload);
  const content = [reader.value(id), ...fields.map((key) => inSeconds(reader.value(key)))];
  return content.every((value) => typeof value === 'string') ? JSON.stringify([eventType, ...content]) : messageId;
}

/**
 * Whether the audit repeats a deletion: only the audit adds a period to it. It does not show which of several
 * notifications is repeated, and the `exists` of the same run for the same resource has the same figures.
 */
export function isRepeatedDeletion({ kind }: CinderResource, { eventType, payload }: Notification): boolean {
  const reader = new PayloadReader(payload);
  return actionOf(kind, eventType) === 'delete.start' && reader.value('audit_period_ending') !== null;
}

/**
 * A time in cinder's notation in whole seconds, like nova's, so that a period is the same however it is written.
 * Anything else is returned unchanged.
 */
function inSeconds(time: MetadataValue): MetadataValue {
  if (!isTimestamp(time)) return time;
  return formatTimestamp(parseTimestamp(time)).replace(/T(\d\d:\d\d:\d\d)\.\d+/, ' $1');
}

function actionOf(kind: string, eventType: string): string {
  return eventType.slice(kind.length + 1);
}
