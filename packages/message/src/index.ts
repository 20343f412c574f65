export { canonicalForm } from './canonical-form.js';
export { checkSample } from './check-sample.js';
export type { SampleCheck } from './check-sample.js';
export { contentDifference } from './content-difference.js';
export { copyOf } from './copy-of.js';
export { compareDecimals } from './decimal-order.js';
export { derivedMessageId } from './derived-message-id.js';
export { isStorableTime, maxMeteringLineBytes } from './field-rules.js';
export { JsonNumber, formatJson, isJsonObject, parseJson } from './json.js';
export type { JsonObject, JsonValue } from './json.js';
export { jsonMembers, jsonString, memberSpans } from './json-text.js';
export type { MemberSpan } from './json-text.js';
export { compareCodePoints } from './key-order.js';
export {
  lastReadingMessage,
  lastReadingQueue,
  lastReadingReader,
  lastReadingSigner,
} from './last-reading-request.js';
export type { HeardRequest, LastReadingRequest } from './last-reading-request.js';
export { MeteringBatch, encodeMeteringBatch, splitMeteringBatch } from './metering-batch.js';
export { maxMeteringDocumentBytes, meteringSteps, meteringTexts } from './metering-body.js';
export { copyMetadata, isCopyOf } from './metadata.js';
export { signMeteringMessage } from './metering-message.js';
export type { MeteringEnvelope } from './metering-message.js';
export { meteringTopology } from './metering-topology.js';
export { ceilometerWire, meteringContentType, meteringRoutingKey, nephoscopeWire } from './metering-wire.js';
export type { MeteringWire } from './metering-wire.js';
export { announcedEnd, endAnnouncements } from './nova-announcement.js';
export { readMeteringMessage } from './read-metering-message.js';
export { createSigner, createVerifier, signJsonMessage } from './signature.js';
export type { RejectionReason, Signer, Verifier } from './signature.js';
export { signatureForms } from './signature-form.js';
export { signedMessage, signedText } from './signed-message.js';
export type { SignatureForm } from './signature-form.js';
export type { SignedMessage } from './signed-message.js';
export { valueAt } from './value-at.js';
export { volumeProblem } from './volume-bounds.js';
export { addVolumes, subtractVolumes } from './volumes.js';
