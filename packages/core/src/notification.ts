import type { Counter, Metadata } from './counter.js';

/** A notification of a service, without its envelope. */
export interface Notification {
  readonly messageId: string;
  readonly eventType: string;
  readonly publisherId: string;
  /** In the service's notation. */
  readonly timestamp: string;
  readonly payload: Metadata;
  /** The fields that begin with `_context_`, without that prefix. */
  readonly context: Metadata;
  /** `INFO`, `ERROR`, …; null if the service sets none. */
  readonly priority: string | null;
}

/** The topics to consume from an exchange. */
export interface ExchangeTopics {
  readonly exchange: string;
  readonly topics: readonly string[];
}

/** Translates the notifications of a service into counters. */
export interface NotificationHandler {
  /** The event types that it handles; `*` matches any text within one. */
  readonly eventTypes: readonly string[];
  /**
   * Accepted publishers: patterns of `publisher_id`, `*` for any text. Notifications of other publishers become dead
   * letters. If undefined, any publisher is accepted.
   */
  readonly publishers?: readonly string[];
  /** @param options the topics set by the operator (default `notifications`) */
  exchangeTopics(options: { readonly notificationTopics: readonly string[] }): readonly ExchangeTopics[];
  /**
   * Identifies the event, for services that announce one event with several message ids: counters of one meter and
   * resource with the same event id are recorded once. Default: the notification's message id.
   */
  eventId?(notification: Notification): string;
  /**
   * Counters of one notification; none if it contains nothing to count. Throws if a required field is missing, naming
   * it: then no counter is recorded. The exception is a NOTIFICATION_ITEMS thrown at the end, about some of several
   * items: the counters yielded before it are recorded.
   */
  processNotification(notification: Notification): Iterable<Counter>;
}
