import {
  announcedEnd,
  describeError,
  endAnnouncements,
  isNephoscopeError,
  lastReadingMessage,
} from '@nephoscope/core';
import type { Logger, MessageBus, Notification } from '@nephoscope/core';
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

/**
 * Asks the agent of an instance's host for a last reading as soon as nova announces the instance's deletion. Nobody
 * waits for it: a request that does not get there at once is worthless.
 */
export function createLastReadings({
  bus,
  logger,
  registry,
}: {
  readonly bus: Pick<MessageBus, 'publish'>;
  readonly logger: Logger;
  readonly registry: Registry;
}): { readonly eventTypes: readonly string[]; observe(notification: Notification): void } {
  const requests = new Counter({
    name: 'nephoscope_last_reading_requests_total',
    help: 'Requests for a last reading, by result: sent, no_agent (none listens on that host), failed',
    labelNames: ['result'],
    registers: [registry],
  });
  return {
    eventTypes: endAnnouncements,
    observe(notification) {
      const end = announcedEnd(notification);
      if (end === undefined) return;
      const { host, request } = end;
      bus.publish(lastReadingMessage(host, request)).then(
        () => requests.inc({ result: 'sent' }),
        (error: unknown) => {
          const unheard = isNephoscopeError(error, 'BUS_UNROUTABLE');
          requests.inc({ result: unheard ? 'no_agent' : 'failed' });
          const text = unheard ? 'no agent listens there' : describeError(error);
          logger[unheard ? 'debug' : 'warn'](
            { ...(unheard ? {} : { err: error }), host, instance: request.instance },
            `the last reading of ${request.instance} could not be asked for on ${host}: ${text}`,
          );
        },
      );
    },
  };
}
