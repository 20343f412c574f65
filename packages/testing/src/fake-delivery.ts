import { NephoscopeError } from '@nephoscope/core';
import type { DeadLetter, DeadLetterPart, Delivery } from '@nephoscope/core/message-bus';

export interface FakeDeliveryFields {
  readonly queue: string;
  readonly body: Uint8Array;
  readonly contentType?: string | undefined;
  readonly compression?: string | undefined;
  readonly exchange?: string | undefined;
  readonly routingKey?: string;
  readonly redelivered?: boolean;
}

/** A message for `FakeBus.send`, and what its consumer did with it. Settling it twice throws. */
export class FakeDelivery implements Delivery {
  readonly queue: string;
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly compression: string | undefined;
  readonly exchange: string | undefined;
  readonly routingKey: string;
  readonly redelivered: boolean;
  /** How it was settled; a requeued message is not delivered again unless the test sends it again. */
  outcome: 'ack' | 'requeue' | undefined;
  /** Its dead letters, oldest first. */
  readonly dead: { readonly reason: string; readonly body: Uint8Array }[] = [];
  /** Set by a test: dead letters are refused. */
  deadLetterFails = false;
  /** Set by a test: its connection is lost. */
  isGone = false;
  /** For the bus, to deliver the next and to keep the dead letters of the queue. */
  onSettled: () => void = () => undefined;
  onDeadLetter: (deadLetter: DeadLetter) => void = () => undefined;

  constructor({
    queue,
    body,
    contentType,
    compression,
    exchange,
    routingKey = '',
    redelivered = false,
  }: FakeDeliveryFields) {
    this.queue = queue;
    this.body = body;
    this.contentType = contentType;
    this.compression = compression;
    this.exchange = exchange;
    this.routingKey = routingKey;
    this.redelivered = redelivered;
  }

  ack(): void {
    this.#settle('ack');
  }

  requeue(): void {
    this.#settle('requeue');
  }

  async deadLetter(
    reason: string,
    { body, contentType = this.contentType }: DeadLetterPart = this,
  ): Promise<void> {
    await Promise.resolve();
    if (this.deadLetterFails) throw new NephoscopeError('BUS_UNAVAILABLE', 'the broker is away');
    this.dead.push({ reason, body });
    const { routingKey } = this;
    this.onDeadLetter({ body, contentType, reason, at: new Date().toISOString(), routingKey });
  }

  #settle(outcome: 'ack' | 'requeue'): void {
    if (this.outcome !== undefined) throw new Error(`settled twice: ${this.outcome}, ${outcome}`);
    this.outcome = outcome;
    this.onSettled();
  }
}
