import { defineMessageBus } from '@nephoscope/core/message-bus';

import { AmqpBus } from './amqp-bus.js';
import { amqpOptions } from './options.js';

export { AmqpBus } from './amqp-bus.js';
export { BrokerUrl } from './broker-url.js';
export { amqpOptions } from './options.js';
export type { AmqpOptions } from './options.js';

export default defineMessageBus({
  options: amqpOptions,
  create: (settings) => new AmqpBus(settings),
});
