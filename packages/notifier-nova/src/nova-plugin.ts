import { defineNotificationHandler } from '@nephoscope/core';
import type { Meter, NotificationHandler, Plugin } from '@nephoscope/core';

import { novaOptions } from './options.js';
import type { NovaOptions } from './options.js';

interface NovaPlugin extends Required<Pick<NotificationHandler, 'eventId' | 'processNotification'>> {
  readonly meters: readonly Meter[];
  /** The same events, in each form of nova's notifications. */
  readonly unversionedTypes: readonly string[];
  readonly versionedTypes: readonly string[];
  /** Then `auto` takes the unversioned form alone: of an event in both the first would win, whichever that is. */
  readonly lessExactVersioned?: boolean | undefined;
}

/** A plugin that listens to nova, in the forms that the operator chose. */
export function defineNovaPlugin({
  meters,
  unversionedTypes,
  versionedTypes,
  lessExactVersioned = false,
  eventId,
  processNotification,
}: NovaPlugin): Plugin<'collector', NovaOptions, NotificationHandler> {
  return defineNotificationHandler({
    options: novaOptions,
    meters,
    create: ({ options: { exchange, format, publishers, versionedTopics } }) => {
      const unversioned = format !== 'versioned';
      const versioned = format === 'versioned' || (format === 'auto' && !lessExactVersioned);
      return {
        eventTypes: [...(unversioned ? unversionedTypes : []), ...(versioned ? versionedTypes : [])],
        publishers,
        exchangeTopics: ({ notificationTopics }) => {
          const topics = [...(unversioned ? notificationTopics : []), ...(versioned ? versionedTopics : [])];
          return [{ exchange, topics: [...new Set(topics)].map((topic) => `${topic}.info`) }];
        },
        eventId,
        processNotification,
      };
    },
  });
}
