export type { ExchangeTopics, Notification, NotificationHandler } from '../notification.js';
export { defineServiceNotifications, notificationCounter } from '../notification-counter.js';
export type { NotificationFigure } from '../notification-counter.js';
export { PayloadReader } from '../payload-reader.js';
export { defineNotificationHandler } from '../plugin.js';
