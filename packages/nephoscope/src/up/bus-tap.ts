import type { Delivery, MessageBus, OutgoingMessage } from '@nephoscope/core/message-bus';

export interface TapListener {
  /** The bus has confirmed a message of this process. */
  sent(message: OutgoingMessage): void;
  /** The collector has acknowledged a message, that is, its samples are committed. */
  settled(): void;
}

/** The same bus, which also reports when messages of this process were sent and settled. */
export function tapBus(bus: MessageBus, listener: TapListener): MessageBus {
  return {
    start: (signal) => bus.start(signal),
    stop: () => bus.stop(),
    declare: (topology) => bus.declare(topology),
    health: () => bus.health(),
    listen: (queue, handler) => bus.listen(queue, handler),
    lead: (name, signal) => bus.lead(name, signal),
    sweepDeadLetters: (queue, decide, signal) => bus.sweepDeadLetters(queue, decide, signal),
    async publish(message) {
      await bus.publish(message);
      listener.sent(message);
    },
    consume: (queue, options, handler) =>
      bus.consume(queue, options, (delivery) => handler(tapDelivery(delivery, listener))),
  };
}

function tapDelivery(delivery: Delivery, listener: TapListener): Delivery {
  const { body, contentType, compression, routingKey, redelivered } = delivery;
  return {
    body,
    contentType,
    compression,
    routingKey,
    redelivered,
    get isGone() {
      return delivery.isGone;
    },
    requeue: () => delivery.requeue(),
    deadLetter: (reason, part) => delivery.deadLetter(reason, part),
    ack() {
      delivery.ack();
      listener.settled();
    },
  };
}
