export type {
  DeadLetter,
  DeadLetterPart,
  DeadLetterVerdict,
  Delivery,
  Leadership,
  MessageBus,
  OutgoingMessage,
  QueueTopology,
  Subscription,
  TransientQueue,
} from '../message-bus.js';
export { defineMessageBus } from '../plugin.js';
export { isBoundBy } from '../topic.js';
