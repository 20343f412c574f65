import type { Health } from './inspector.js';

/** A durable queue bound to a topic exchange, and the queue where its bad messages go. */
export interface QueueTopology {
  readonly exchange: string;
  /**
   * Who declares the exchange; by default `nephoscope`, which declares it if it is missing. An exchange of a `service`
   * is never declared: it may not exist yet, and may disappear when the broker restarts. The queue is bound to it
   * whenever it exists.
   */
  readonly exchangeOwner?: 'nephoscope' | 'service' | undefined;
  readonly queue: string;
  /** Who declares the queue; by default `nephoscope`. A queue of a `service` is consumed as it is, never declared or bound, and awaited. */
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
 * A queue that lives as long as its only consumer, for messages that are worthless when they are late. Each `listen`
 * has one of its own, so that several programs of one name hear everything, and none takes another's messages.
 */
export interface TransientQueue {
  /** Ours. */
  readonly exchange: string;
  /** What its name begins with. */
  readonly queue: string;
  readonly bindings: readonly string[];
  /** How long a message may wait in it, ms. */
  readonly messageTtl: number;
  /** How many may wait in it. Beyond that `publish` fails with BUS_UNAVAILABLE: whoever can, asks again. */
  readonly maxMessages: number;
}

/**
 * A lock that one program at a time holds, all over the broker.
 *
 * The broker knows of a lost connection before or after its program does: one that was frozen, or cut off, may go on
 * for a moment while the next holds the lock. It can no longer save a note, so what must happen once is guarded by
 * that: do it so that doing it twice has no effect (counters with derived ids are recorded once), look at `lost` before
 * each step, and count it as done only when `saveNote` has resolved.
 */
export interface Leadership {
  /** The latest note whose `saveNote` resolved, or one after it that was under way when its holder was lost; empty at first. */
  readonly note: Uint8Array;
  /** Aborted as soon as this program may not hold the lock any more, as when its connection is lost, and by `release`. */
  readonly lost: AbortSignal;
  /**
   * Replaces the note, durably. When it was not confirmed in time the lock is still held, and leaving it again is safe.
   *
   * @throws BUS_UNAVAILABLE when it is not confirmed or the lock is lost
   */
  saveNote(note: Uint8Array): Promise<void>;
  /** Gives the lock up, for the next who waits. */
  release(): Promise<void>;
}

export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** For queues that are {@link TransientQueue}s: it is not kept on disk, and one that is full says nothing of how the bus is. */
  readonly isTransient?: boolean | undefined;
}

/** A message that was taken off a queue and is not settled yet. */
export interface Delivery {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /** How the sender's library compressed the body, as it named it (kombu's header `compression`); undefined where it did not. */
  readonly compression?: string | undefined;
  /** On which it was published; '' for straight into the queue, undefined where the bus does not know. */
  readonly exchange?: string | undefined;
  readonly routingKey: string;
  readonly redelivered: boolean;
  /** How often it was delivered before and not settled, as the queue counted; undefined where it counts nothing. */
  readonly attempts?: number | undefined;
  /** Its connection is lost: settling it has no effect any more, and the queue delivers it again, to whoever consumes. */
  readonly isGone: boolean;
  /** Settles it: its content is safe elsewhere. */
  ack(): void;
  /** Settles it the other way: the queue delivers it again, to whoever consumes. */
  requeue(): void;
  /**
   * Puts `part` (by default the whole message, as it came) into the queue's dead letters with the reason in the header
   * `x-reason`, and resolves when it is safe there. Does not settle the delivery.
   *
   * @throws BUS_UNAVAILABLE when it was not confirmed
   */
  deadLetter(reason: string, part?: DeadLetterPart): Promise<void>;
}

/** What of a message, or about it, becomes a dead letter of its own. */
export interface DeadLetterPart {
  readonly body: Uint8Array;
  /** By default that of the message. */
  readonly contentType?: string | undefined;
}

/** A message among the dead letters of a queue. */
export interface DeadLetter {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /** As of the delivery that it was, where it is a whole one. */
  readonly compression?: string | undefined;
  /** Why it was set aside, as it was told to `deadLetter`, or by the broker itself; undefined where nobody noted it. */
  readonly reason: string | undefined;
  /** When, ISO 8601 UTC; undefined where nobody noted it. */
  readonly at: string | undefined;
  /** The routing key with which it came to the queue; undefined where nobody noted it. */
  readonly routingKey: string | undefined;
}

/** What becomes of a dead letter: it stays, goes back into the queue that it came from, or is deleted for ever. */
export type DeadLetterVerdict = 'keep' | 'replay' | 'drop';

export interface Subscription {
  /** No delivery comes after it resolved. What was delivered and not settled goes back to the queue when the bus stops. */
  cancel(): Promise<void>;
}

/**
 * Carries messages between programs. `start` connects (and undoes itself when it fails), declares what
 * was asked for and from then on reconnects by itself with back-off, declaring and consuming again;
 * `stop` is safe before `start`, twice and at the same time, and leaves no handle open.
 */
export interface MessageBus {
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Makes sure that exchange, queue, bindings and dead letters exist, now and after each reconnect. Does not wait for
   * what is of others: the queue is bound, or consumed, when that is there.
   */
  declare(topology: QueueTopology): Promise<void>;
  /**
   * Resolves when the broker holds the message durably in at least one queue.
   *
   * @throws BUS_UNAVAILABLE when it was not confirmed: it may or may not have arrived, send it again
   * @throws BUS_UNROUTABLE when no queue wants it
   */
  publish(message: OutgoingMessage): Promise<void>;
  /** Hands each message of the queue to `handler`, at most `prefetch` unsettled ones at a time. */
  consume(
    queue: string,
    options: { readonly prefetch: number },
    handler: (delivery: Delivery) => void,
  ): Promise<Subscription>;
  /**
   * Goes through the dead letters of a queue (of one that was not declared here, those in `<queue>.dead`) that are there
   * now, oldest first and each once, and does with each what `decide` says. Declares nothing. One is gone from the dead letters only after the queue has confirmed it. Those that are
   * kept stay in their order, unless it is cut short; while it runs, nobody else sees them.
   *
   * @throws BUS_TOPOLOGY when there are none of that name; BUS_UNAVAILABLE when the connection is lost: what was not decided by then stays, and a dead letter that was being
   *   replayed may be in both places; what `decide` throws, and the signal's reason: that dead letter and those after it stay
   */
  sweepDeadLetters(
    queue: string,
    decide: (deadLetter: DeadLetter) => DeadLetterVerdict | Promise<DeadLetterVerdict>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<DeadLetterVerdict, number>>>;
  /**
   * Hands each message to `handler` that arrives while this program is there; what it does with them is not awaited
   * and they need no settling. Goes on after each reconnect.
   */
  listen(queue: TransientQueue, handler: (body: Uint8Array) => void): Promise<Subscription>;
  /**
   * Waits until this program holds the lock of that name. Over a lost connection the lock is lost too, and another
   * program may have it; ask for it again then.
   *
   * @throws BUS_UNAVAILABLE when the bus is not started or is stopped, BUS_TOPOLOGY when the broker has something
   * else of that name, the signal's reason when that is aborted
   */
  lead(name: string, signal: AbortSignal): Promise<Leadership>;
  health(): Health;
}
