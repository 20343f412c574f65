import type { QueueTopology } from '@nephoscope/core/message-bus';

/**
 * Where metering messages travel. Agents declare it too, so that nothing sent before the first collector starts is lost.
 * `metering.#` takes ours, the casts of 2012 (`metering`, `metering.<counter name>`) and what Ceilometer's `notifier://`
 * publishes (`metering.sample`); `notifications.sample` what its polling agents publish.
 */
export const meteringTopology: QueueTopology = {
  exchange: 'ceilometer',
  queue: 'metering',
  bindings: ['metering.#', 'notifications.sample'],
  deadLetterQueue: 'metering.dead',
};
