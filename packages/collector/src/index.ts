export { Collector } from './collector.js';
export type { CollectorParts } from './collector.js';
export { KnownMessages } from './known/known-messages.js';
export { conflictRule, conflictsWith } from './conflicts.js';
export { decompressed } from './decompress.js';
export { NotificationListener } from './notifications/listener.js';
export type { NotificationListenerParts, NotificationObserver } from './notifications/listener.js';
export type { CollectorOptions } from './options.js';
export { collectorProgram, createCollector } from './program.js';
