import type { Meter, Plugin } from '@nephoscope/core';
import { defineNotificationHandler } from '@nephoscope/core/notification';
import type { NotificationHandler } from '@nephoscope/core/notification';

import { retiredOptions } from './options.js';

interface NovaPlugin extends Required<Pick<NotificationHandler, 'eventId' | 'processNotification'>> {
  readonly meters: readonly Meter[];
  /** The same events, in each form of nova's notifications. */
  readonly unversionedTypes: readonly string[];
  readonly versionedTypes: readonly string[];
  /**
   * Then `auto` uses the unversioned form alone: for an event in both forms, whichever arrived first would be
   * recorded.
   */
  readonly lessExactVersioned?: boolean | undefined;
}

/** nova's services in either form; all of them, because the service that sends an event differs between versions. */
const usualPublishers = ['compute.*', 'api.*', 'conductor.*', 'scheduler.*', 'cells.*', 'nova-*:*'];

/** Defines a plugin for nova's notifications, in the forms chosen by the operator. */
export function defineNovaPlugin({
  meters,
  unversionedTypes,
  versionedTypes,
  lessExactVersioned = false,
  eventId,
  processNotification,
}: NovaPlugin): Plugin<'collector', unknown, NotificationHandler> {
  return defineNotificationHandler<unknown>({
    service: 'nova',
    options: retiredOptions,
    meters,
    create: ({
      service: { exchange: exchanges = ['nova'], format, publishers = usualPublishers, topics: given } = {},
    }) => {
      const unversioned = format !== 'versioned';
      const versioned = format === 'versioned' || (format === undefined && !lessExactVersioned);
      return {
        eventTypes: [...(unversioned ? unversionedTypes : []), ...(versioned ? versionedTypes : [])],
        publishers,
        exchangeTopics: ({ notificationTopics }) => {
          const usual = [
            ...(unversioned ? notificationTopics : []),
            ...(versioned ? ['versioned_notifications'] : []),
          ];
          const topics = [...new Set(given ?? usual)].map((topic) => `${topic}.info`);
          return exchanges.map((exchange) => ({ exchange, topics }));
        },
        eventId,
        processNotification,
      };
    },
  });
}
