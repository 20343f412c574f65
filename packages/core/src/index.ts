export { byteSize } from './byte-size.js';
export type { Clock } from './clock.js';
export type { Cloud, CloudHead, CloudList, CloudService } from './cloud.js';
export type { Counter, CounterType, Metadata, MetadataValue, Plugging, TotalPart } from './counter.js';
export { duration } from './duration.js';
export { NephoscopeError, PermanentError, describeError, isNephoscopeError, isPermanentError } from './errors.js';
export { isMissing } from './missing.js';
export type { Missing, MissingReason } from './missing.js';
export type {
  CpuReading,
  Disk,
  DiskIo,
  DiskReading,
  DiskSize,
  Health,
  Inspector,
  LifecycleEvent,
  InstancePart,
  InstanceParts,
  InstanceReading,
  MemoryReading,
  VcpuReading,
  Vnic,
  VnicReading,
  VnicTraffic,
} from './inspector.js';
export type { Flavor, Instance, PowerState } from './instance.js';
export type { Logger } from './logger.js';
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
} from './message-bus.js';
export type { Sample } from './sample.js';
export { meterStem } from './meter.js';
export type { Meter } from './meter.js';
export type { ExchangeTopics, Notification, NotificationHandler } from './notification.js';
export { defineServiceNotifications, notificationCounter } from './notification-counter.js';
export type { NotificationFigure, ServiceNotifications } from './notification-counter.js';
export { PayloadReader } from './payload-reader.js';
export {
  PluginDeclined,
  apiVersion,
  asPlugin,
  defineCentralPollster,
  defineInspector,
  defineMessageBus,
  defineNotificationHandler,
  definePollster,
  defineSampleStore,
} from './plugin.js';
export type { ComputePollsterPlugin, Namespace, Plugin, PluginSettings, SampleStorePlugin } from './plugin.js';
export type {
  CentralPollster,
  CloudFigure,
  CloudGap,
  ComputePollster,
  Counters,
  Figure,
  Inspection,
  Poll,
  Total,
} from './pollster.js';
export { ignoredOption, refusedOption } from './retired-option.js';
export type { ServiceSettings } from './service-settings.js';
export type { MeterSummary, ResourceSummary, SampleFilter, SampleQuery, SampleReader } from './sample-reader.js';
export type { RecordResult, RecordedTimes, SampleStore } from './sample-store.js';
export { Secret } from './secret.js';
export { formatTimestamp, isTimestamp, parseTimestamp } from './timestamp.js';
export { isBoundBy } from './topic.js';
export { wildcards } from './wildcard.js';
