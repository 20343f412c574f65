import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

import { readInstanceEvent } from './instance-event.js';

/**
 * The same id for an event in both forms and all repetitions: nova sends its two forms with different message ids and
 * times.
 *
 * An `exists` is identified by its period: a restarted audit of a host sends that of the same period again. Any other
 * event happens once to an instance within one request, whose id both forms have; a periodic task of nova has a new
 * one in each run. Without a request id, the message id is used.
 *
 * @throws NOTIFICATION_FIELD, TIMESTAMP_INVALID
 */
export function eventId(notification: Notification): string {
  const { eventType, instanceId, auditPeriod } = readInstanceEvent(notification);
  const occasion = auditPeriod() ?? requestId(notification);
  return occasion === null ? notification.messageId : [eventType, instanceId, occasion].flat().join(' ');
}

export const requestId = ({ context }: Notification): string | null =>
  new PayloadReader(context, 'context').optionalText('request_id');
