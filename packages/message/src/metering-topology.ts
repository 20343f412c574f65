import type { QueueTopology } from '@nephoscope/core/message-bus';

/**
 * Exchange and queue of metering messages. Agents declare them too, so that nothing sent before the first collector
 * starts is lost. `metering.#` matches our messages, the casts of 2012 (`metering`, `metering.<counter name>`) and
 * those of Ceilometer's `notifier://` publishers (`metering.sample`); `notifications.sample` those of its polling
 * agents.
 */
export const meteringTopology: QueueTopology = {
  exchange: 'ceilometer',
  queue: 'metering',
  bindings: ['metering.#', 'notifications.sample'],
  deadLetterQueue: 'metering.dead',
};
