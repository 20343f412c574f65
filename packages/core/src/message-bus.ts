import type { Health } from './inspector.js';

/** A durable queue bound to a topic exchange, and the queue where its bad messages go. */
export interface QueueTopology {
  readonly exchange: string;
  readonly queue: string;
  readonly bindings: readonly string[];
  readonly deadLetterQueue: string;
}

/** Where metering messages travel. Agents declare it too, so that nothing sent before the first collector starts is lost. */
export const meteringTopology: QueueTopology = {
  exchange: 'ceilometer',
  queue: 'metering',
  bindings: ['metering.#'],
  deadLetterQueue: 'metering.dead',
};

export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** A message that was taken off a queue and is not settled yet. */
export interface Delivery {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly routingKey: string;
  readonly redelivered: boolean;
  /** Settles it: its content is safe elsewhere. */
  ack(): void;
  /** Settles it the other way: the queue delivers it again, to whoever consumes. */
  requeue(): void;
  /**
   * Puts `body` (by default the whole message) into the queue's dead letters with the reason in the header
   * `x-reason`, and resolves when it is safe there. Does not settle the delivery.
   */
  deadLetter(reason: string, body?: Uint8Array): Promise<void>;
}

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
  /** Makes sure that exchange, queue, bindings and dead letters exist, now and after each reconnect. */
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
  health(): Health;
}
