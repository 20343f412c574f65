import { formatTimestamp } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';

import { momentOf, periodOf, saidOf } from './times.js';

const day = 86_400_000_000_000n;
/** Tolerated difference between clocks and time zones of services, ns. */
const tolerance = day;
/** Services audit at most a year. */
const longestPeriod = 366n * day + tolerance;
/** Events of the resource before the notification; others, such as a future end, are not checked. */
const past = ['created_at', 'launched_at', 'deleted_at'] as const;

/**
 * A contradiction in a notification that no service can have meant: its times contradict each other by more than a
 * day. Unusual times are accepted: in nova, a `deleted_at` before the period of an audit occurs (soft deletion), and
 * so does a `launched_at` after it (resize).
 */
export function contradiction(notification: Notification): string | undefined {
  const said = saidOf(notification);
  const sent = momentOf(notification.timestamp);
  const [beginning, ending] = periodOf(notification);
  const created = momentOf(said.value('created_at'));
  const deleted = momentOf(said.value('deleted_at'));

  for (const key of past) {
    const moment = momentOf(said.value(key));
    if (isAfter(moment, sent))
      return `${key} is ${formatTimestamp(moment)}, after ${written(sent)}, when it was sent`;
  }
  if (isAfter(created, deleted)) return `created_at is ${written(created)}, after deleted_at, ${written(deleted)}`;
  if (beginning !== undefined && ending !== undefined) {
    const period = `its period is ${formatTimestamp(beginning)} to ${formatTimestamp(ending)}`;
    if (ending < beginning) return `${period}, which ends before it begins`;
    if (ending - beginning > longestPeriod) return `${period}, which is more than a year`;
  }
  if (isAfter(beginning, sent)) return `its period begins on ${written(beginning)}, after it was sent`;
  if (isAfter(created, ending))
    return `created_at is ${written(created)}, after the end of its period, ${written(ending)}`;
  return undefined;
}

function isAfter(one: bigint | undefined, other: bigint | undefined): one is bigint {
  return one !== undefined && other !== undefined && one > other + tolerance;
}

const written = (moment: bigint | undefined) => (moment === undefined ? '' : formatTimestamp(moment));
