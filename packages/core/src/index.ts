export { Backoff } from './backoff.js';
export { byteSize } from './byte-size.js';
export type { Clock } from './clock.js';
export type { Cloud, CloudHead, CloudList, CloudService } from './cloud.js';
export { addVolumes, subtractVolumes } from './counter.js';
export type { Counter, CounterType, Metadata, MetadataValue, Plugging, Total, TotalPart } from './counter.js';
export { duration } from './duration.js';
export { NephoscopeError, PermanentError, describeError, isNephoscopeError, isPermanentError } from './errors.js';
export { instanceParts, isMissing, readMissing } from './inspector.js';
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
  Missing,
  MissingReason,
  VcpuReading,
  Vnic,
  VnicReading,
  VnicTraffic,
} from './inspector.js';
export type { CloudFacts, Flavor, Instance, PowerState } from './instance.js';
export { announcedEnd, endAnnouncements } from './last-reading.js';
export {
  lastReadingMessage,
  lastReadingQueue,
  lastReadingReader,
  lastReadingSigner,
} from './last-reading-request.js';
export type { HeardRequest, LastReadingRequest } from './last-reading-request.js';
export { LogLimit } from './log-limit.js';
export type { Logger } from './logger.js';
export { meteringTopology } from './message-bus.js';
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
export { maxMessageValues, maxMeteringLineBytes } from './message/field-rules.js';
export { contentDifference } from './message/content-difference.js';
export { derivedMessageId } from './message/derived-message-id.js';
export { JsonNumber, formatJson, isJsonObject, parseJson } from './message/json.js';
export type { JsonObject, JsonValue } from './message/json.js';
export { jsonMembers, jsonString } from './message/json-text.js';
export { MeteringBatch, encodeMeteringBatch, splitMeteringBatch } from './message/metering-batch.js';
export type { MeteringBody, UnreadableLine } from './message/metering-batch.js';
export { maxMeteringDocumentBytes, meteringSteps, meteringTexts } from './message/metering-body.js';
export {
  ceilometerWire,
  meteringContentType,
  meteringRoutingKey,
  nephoscopeWire,
  signatureFitsWire,
  signatureFormOf,
  wireOptions,
} from './message/metering-wire.js';
export type { MeteringWire } from './message/metering-wire.js';
export { signMeteringMessage } from './message/metering-message.js';
export type { MeteringEnvelope } from './message/metering-message.js';
export { readMeteringMessage, sampleOf } from './message/read-metering-message.js';
export type { ReadMessage } from './message/read-metering-message.js';
export { KnownMessages } from './message/known-messages.js';
export type { ReadSample } from './message/known-messages.js';
export { assemble, dismantle } from './message/message-layout.js';
export type { Layout, MessageParts, MessageValues } from './message/message-layout.js';
export type { Sample } from './message/sample.js';
export { createSigner, createVerifier, signJsonMessage } from './message/signature.js';
export type { RejectionReason, Signer, Verifier } from './message/signature.js';
export { signatureForms, signedMessage } from './message/signature-form.js';
export type { SignatureForm, SignedMessage } from './message/signature-form.js';
export { createCounterMaker } from './counter-maker.js';
export { meterStem } from './meter.js';
export type { Meter } from './meter.js';
export { counterReader, maxCounters } from './counter-reader.js';
export { isTotal, totalReader } from './total-reader.js';
export type { ReadCounter } from './counter-reader.js';
export { deepFreeze } from './deep-freeze.js';
export { Mutex } from './mutex.js';
export type { ExchangeTopics, Notification, NotificationHandler } from './notification.js';
export { defineServiceNotifications, notificationCounter } from './notification-counter.js';
export type { NotificationFigure, ServiceNotifications } from './notification-counter.js';
export { PayloadReader } from './payload-reader.js';
export {
  PluginDeclined,
  apiVersion,
  asPlugin,
  checkProduct,
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
  TotalDetails,
} from './pollster.js';
export { ignoredOption, refusedOption } from './retired-option.js';
export type { ServiceSettings } from './service-settings.js';
export type {
  MeterSummary,
  RecordResult,
  ResourceSummary,
  SampleFilter,
  SampleStore,
  StoreOpening,
} from './sample-store.js';
export { Secret } from './secret.js';
export { asMetadata, isTimestamp, isWrongTime, timeFields } from './time-fields.js';
export { formatTimestamp, parseTimestamp } from './timestamp.js';
export { isBoundBy } from './topic.js';
export { wildcards } from './wildcard.js';
