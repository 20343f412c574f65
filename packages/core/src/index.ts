export type { Clock } from './clock.js';
export type { Counter, CounterType, Metadata, MetadataValue } from './counter.js';
export { NephoscopeError, describeError, isNephoscopeError } from './errors.js';
export { isMissing } from './inspector.js';
export type {
  CpuReading,
  DiskIo,
  DiskReading,
  DiskSize,
  Health,
  Inspector,
  InstancePart,
  InstanceParts,
  InstanceReading,
  MemoryReading,
  Missing,
  MissingReason,
  VnicReading,
  VnicTraffic,
} from './inspector.js';
export type { Flavor, Instance, PowerState } from './instance.js';
export type { Logger } from './logger.js';
export { meteringTopology } from './message-bus.js';
export type { Delivery, MessageBus, OutgoingMessage, QueueTopology, Subscription } from './message-bus.js';
export type { Sample } from './message/sample.js';
export { meterStem } from './meter.js';
export type { Meter } from './meter.js';
export type { ExchangeTopics, Notification, NotificationHandler } from './notification.js';
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
  namespaces,
  pluginName,
} from './plugin.js';
export type { ComputePollsterPlugin, Namespace, Plugin, PluginSettings } from './plugin.js';
export type {
  CentralPollManager,
  CentralPollster,
  ComputePollManager,
  ComputePollster,
  CounterDetails,
  Counters,
  Inspection,
} from './pollster.js';
export type { MeterSummary, RecordResult, ResourceSummary, SampleFilter, SampleStore } from './sample-store.js';
export { Secret } from './secret.js';
export { formatTimestamp, parseTimestamp } from './timestamp.js';
