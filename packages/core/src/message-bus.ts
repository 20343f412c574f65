import type { Health } from './health.js';

/** A durable queue bound to a topic exchange, and the queue for its dead letters. */
export interface QueueTopology {
  readonly exchange: string;
  /**
   * Who declares the exchange; by default `nephoscope`, which declares it if it is missing. An exchange of a `service`
   * is never declared: it may not exist yet, and may disappear when the broker restarts. The queue is bound to it
   * whenever it exists.
   */
  readonly exchangeOwner?: 'nephoscope' | 'service' | undefined;
  readonly queue: string;
  /**
   * Who declares the queue; by default `nephoscope`. A queue of a `service` is never declared or bound; it is
   * consumed as it is, once it exists.
   */
  readonly queueOwner?: 'nephoscope' | 'service' | undefined;
  readonly bindings: readonly string[];
  readonly deadLetterQueue: string;
  /** Maximum size of Nephoscope's own queue, bytes; beyond it the oldest messages are dropped. Default: unbounded. */
  readonly maxBytes?: number | undefined;
  /**
   * For the exchange of a service: called when the queue is bound (again) and the exchange may have existed without the
   * binding since `from`, ns since 1970. Messages published meanwhile are lost.
   */
  readonly onUnbound?: ((from: bigint) => void) | undefined;
}

/**
 * A queue that exists as long as its only consumer, for messages that are worthless when late. Each `listen` has its
 * own, so several programs with the same name each receive every message.
 */
export interface TransientQueue {
  /** The exchange, declared by Nephoscope. */
  readonly exchange: string;
  /** Prefix of the queue's name. */
  readonly queue: string;
  readonly bindings: readonly string[];
  /** How long a message may wait in it, ms. */
  readonly messageTtl: number;
  /**
   * How many messages may wait in it. Beyond that `publish` fails with BUS_UNAVAILABLE, and the publisher may retry.
   */
  readonly maxMessages: number;
}

/**
 * A lock that one program at a time holds across the whole broker.
 *
 * The broker may notice a lost connection before or after the program does. A program that was frozen or disconnected
 * may therefore continue for a moment while the next one holds the lock. It can no longer save a note, so use that as
 * the guard for work to be done once: make the work idempotent (counters with derived ids are recorded once), check
 * `lost` before each step, and count the work as done only after `saveNote` has resolved.
 */
export interface Leadership {
  /**
   * The latest note whose `saveNote` resolved, or a later one that was in progress when its holder was lost; empty at
   * first.
   */
  readonly note: Uint8Array;
  /**
   * Aborted as soon as this program may no longer hold the lock, for example when its connection is lost, and by
   * `release`.
   */
  readonly lost: AbortSignal;
  /**
   * Replaces the note, durably. If it was not confirmed in time, the lock is still held, and saving again is safe.
   *
   * @throws BUS_UNAVAILABLE if it was not confirmed or the lock is lost
   */
  saveNote(note: Uint8Array): Promise<void>;
  /** Releases the lock for the next program that waits. */
  release(): Promise<void>;
}

export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /**
   * For a {@link TransientQueue}: the message is not written to disk, and a full queue does not make the bus
   * unhealthy.
   */
  readonly isTransient?: boolean | undefined;
}

/** A message taken from a queue and not settled yet. */
export interface Delivery {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /**
   * The compression of the body as named by the sender's library (kombu's header `compression`); undefined if it is
   * not compressed.
   */
  readonly compression?: string | undefined;
  /** The exchange it was published on; '' if directly into the queue, undefined if the bus cannot tell. */
  readonly exchange?: string | undefined;
  readonly routingKey: string;
  readonly redelivered: boolean;
  /**
   * How often it was delivered before without being settled, as counted by the queue; undefined if the queue does not
   * count.
   */
  readonly attempts?: number | undefined;
  /**
   * Whether its connection is lost. Settling it then has no effect, and the queue delivers it again to any consumer.
   */
  readonly isGone: boolean;
  /** Settles the message: its content is safe elsewhere. */
  ack(): void;
  /** Returns the message to the queue, which delivers it again to any consumer. */
  requeue(): void;
  /**
   * Puts `part` (by default the whole unchanged message) into the queue's dead letters, with the reason in the header
   * `x-reason`, and resolves when it is stored there. Does not settle the delivery.
   *
   * @throws BUS_UNAVAILABLE if it was not confirmed
   */
  deadLetter(reason: string, part?: DeadLetterPart): Promise<void>;
}

/** The part of a message, or a text about it, that becomes a dead letter. */
export interface DeadLetterPart {
  readonly body: Uint8Array;
  /** Default: that of the message. */
  readonly contentType?: string | undefined;
}

/** A message in the dead-letter queue of a queue. */
export interface DeadLetter {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /** As in the original delivery, if the dead letter is a whole message. */
  readonly compression?: string | undefined;
  /** The reason passed to `deadLetter` or set by the broker; undefined if there is none. */
  readonly reason: string | undefined;
  /** When, ISO 8601 UTC; undefined if not recorded. */
  readonly at: string | undefined;
  /** The routing key of the original message; undefined if not recorded. */
  readonly routingKey: string | undefined;
}

/** What to do with a dead letter: leave it, return it to its original queue, or delete it. */
export type DeadLetterVerdict = 'keep' | 'replay' | 'drop';

export interface Subscription {
  /**
   * Once it has resolved, there are no more deliveries. Unsettled deliveries return to the queue when the bus stops.
   */
  cancel(): Promise<void>;
}

/**
 * Carries messages between programs. `start` connects (and closes what it opened if it fails) and declares what was
 * requested. From then on the bus reconnects with back-off, and declares and consumes again. `stop` is safe before
 * `start`, twice and concurrently, and leaves no handle open.
 */
export interface MessageBus {
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Ensures that exchange, queue, bindings and dead-letter queue exist, now and after each reconnect. Does not wait
   * for what a service declares: the queue is bound, or consumed, once that exists.
   */
  declare(topology: QueueTopology): Promise<void>;
  /**
   * Resolves when the broker has stored the message durably in at least one queue.
   *
   * @throws BUS_UNAVAILABLE if it was not confirmed: it may or may not have arrived, so send it again
   * @throws BUS_UNROUTABLE if no queue receives it
   */
  publish(message: OutgoingMessage): Promise<void>;
  /** Passes each message of the queue to `handler`, with at most `prefetch` unsettled at a time. */
  consume(
    queue: string,
    options: { readonly prefetch: number },
    handler: (delivery: Delivery) => void,
  ): Promise<Subscription>;
  /**
   * Visits the dead letters present in a queue's dead-letter queue (`<queue>.dead` if the queue was not declared
   * here), oldest first and each once, and does what `decide` returns. Declares nothing. A replayed one is removed
   * only after the queue has confirmed it. Those kept stay in their order, unless the sweep is interrupted; while it
   * runs, no other consumer sees them.
   *
   * @throws BUS_TOPOLOGY if there is no such queue; BUS_UNAVAILABLE if the connection is lost: undecided dead letters
   *   stay, and one being replayed may be in both queues; any error of `decide`, and the signal's reason: that dead
   *   letter and those after it stay
   */
  sweepDeadLetters(
    queue: string,
    decide: (deadLetter: DeadLetter) => DeadLetterVerdict | Promise<DeadLetterVerdict>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<DeadLetterVerdict, number>>>;
  /**
   * Passes each message that arrives while this program listens to `handler`, which is not awaited; nothing is
   * settled. Continues after each reconnect.
   */
  listen(queue: TransientQueue, handler: (body: Uint8Array) => void): Promise<Subscription>;
  /**
   * Waits until this program holds the lock `name`. If the connection is lost, so is the lock, and another program
   * may get it; call this again then.
   *
   * @throws BUS_UNAVAILABLE if the bus is not started or is stopped, BUS_TOPOLOGY if the broker has something else of
   *   that name, the signal's reason if that is aborted
   */
  lead(name: string, signal: AbortSignal): Promise<Leadership>;
  health(): Health;
}
