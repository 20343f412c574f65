import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

import { readInstanceEvent } from './instance-event.js';

/**
 * One id for an event in whichever form it comes, and however often: nova sends its two forms under message ids and at
 * times of their own.
 *
 * An `exists` is known by its period: the audit of a host, started anew, sends that of the same period again. Any other
 * event happens once to an instance in the course of one request, whose id both forms carry; a periodic task of nova
 * has a new one in each run. Where there is no request id, the message id has to do.
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
