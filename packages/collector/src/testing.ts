/**
 * The collector's reading of one message, for tests that try many, such as `npm run fuzz`. It changes with the collector,
 * without notice.
 */
export { takeIn } from './intake.js';
export { readNotification, unwrapNotification } from './notifications/read-notification.js';
export { collectorOptions } from './options.js';
