import type { Counter, Metadata } from './counter.js';

/** What a service announced, unwrapped from its envelope. */
export interface Notification {
  readonly messageId: string;
  readonly eventType: string;
  readonly publisherId: string;
  /** As it was written by the service. */
  readonly timestamp: string;
  readonly payload: Metadata;
  /** The fields that begin with `_context_`, without that beginning. */
  readonly context: Metadata;
  /** `INFO`, `ERROR`, …; null where the service says none. */
  readonly priority: string | null;
}

/** Which topics of which exchange are listened to. */
export interface ExchangeTopics {
  readonly exchange: string;
  readonly topics: readonly string[];
}

/** Translates what a service announces into counters. */
export interface NotificationHandler {
  /** The event types that it wants; `*` stands for any text within one. */
  readonly eventTypes: readonly string[];
  /**
   * Who announces them: patterns of `publisher_id`, `*` for any text. What another publisher announces waits among the dead
   * dead letters. Without it anybody may.
   */
  readonly publishers?: readonly string[];
  /** @param options what the operator set for the topics (default `notifications`) */
  exchangeTopics(options: { readonly notificationTopics: readonly string[] }): readonly ExchangeTopics[];
  /**
   * What makes the announced event one, where a service announces one event under several message ids: counters of one
   * meter and resource with one event id are recorded once. By default the notification's message id.
   */
  eventId?(notification: Notification): string;
  /**
   * Counters of one notification; none when it says nothing to count. Throws when a field that it needs is missing,
   * naming the field: then none of them is recorded, but where it ends with NOTIFICATION_ITEMS, which is about some of
   * several items; the counters before it are those of the others.
   */
  processNotification(notification: Notification): Iterable<Counter>;
}
