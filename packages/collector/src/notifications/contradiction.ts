import { formatTimestamp } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';

import { momentOf, periodOf, saidOf } from './times.js';

const day = 86_400_000_000_000n;
/** Clocks and time zones of services may differ by so much, ns. */
const tolerance = day;
/** Services audit a year at the most. */
const longestPeriod = 366n * day + tolerance;
/** What had happened to the resource when the service wrote it down; others, as of an end to come, are left out. */
const past = ['created_at', 'launched_at', 'deleted_at'] as const;

/**
 * What a notification says that no service can have meant: its times contradict each other by more than a day. What is only
 * unusual is none. In nova a `deleted_at` before the period of an audit is true (a soft deletion), and a `launched_at` after
 * it, too (a resize).
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
