import type { Sample } from '@nephoscope/core/sample-store';
import { canonicalForm, compareCodePoints, isJsonObject, memberSpans } from '@nephoscope/message';
import type { MemberSpan, JsonObject } from '@nephoscope/message';

// A message from an agent has two parts that repeat: the text before the volume belongs to the meter, and the text after it
// to the resource, except for a few values. An agent has a few dozen meters, and a few texts for each resource, and each of
// its series is a pair of them. Any such pair is a valid message, because with the keys in signing order no key can be in
// both parts.

/** The beginning of all messages of a meter, as it is sent and as it is signed. */
export interface KnownMeter {
  readonly text: string;
  readonly signed: string;
  /** The number of fields in it. */
  readonly size: number;
  readonly fields: Pick<Sample, 'meter' | 'type' | 'unit'>;
}

/** The text after the volume in the messages of a resource. */
export interface KnownResource {
  /** The number of signed fields in it. */
  readonly size: number;
  /** The values that differ between messages, and the metadata, in their order. */
  readonly slots: readonly Slot[];
  /** The texts before, between and after these, as they are sent and as they are signed. */
  readonly texts: readonly string[];
  readonly signed: readonly string[];
  readonly metadata: KnownMetadata;
  /** The `signature_key` of the messages. */
  readonly key: string | undefined;
  readonly fields: Pick<Sample, 'source' | 'userId' | 'projectId' | 'resourceId' | 'publisherId' | 'epoch'>;
}

/** As it is sent, and the signed field in UTF-8. */
export interface KnownMetadata {
  readonly text: string;
  readonly signed: Uint8Array;
}

export type Slot = (typeof slots)[number];
const slots = ['message_id', 'resource_metadata', 'sequence', 'timestamp', 'message_signature'] as const;
/** The values that differ between the messages of a series, and the metadata. */
const values: readonly string[] = ['counter_volume', ...slots];

/** The keys before the volume and before the resource id. */
export const volumeKey = '"counter_volume":';
export const resourceKey = '"resource_id":"';

/** The largest metadata that are remembered, in characters. */
const maxMetadata = 4_096;

/**
 * Divides a message that is written as agents write it, in the canonical form; undefined for others. A message in Ceilometer's form
 * is always read completely, because its signature does not cover where a value ends.
 */
export function divide(
  message: JsonObject,
  sample: Sample,
): { readonly meter: KnownMeter; readonly resource: KnownResource } | undefined {
  const isCanonical = message.get('signature_form') === canonicalForm.name;
  const metadata = message.get('resource_metadata');
  if (!isCanonical || !isJsonObject(metadata) || !isInSigningOrder(message)) return undefined;
  const { text } = sample;
  const own = slots.filter((slot) => message.has(slot));
  const spans = memberSpans(text, values);
  // The volume must come first, so that all text before it belongs to the meter.
  if (spans.map(({ key }) => key).join() !== ['counter_volume', ...own].join()) return undefined;
  const [volume, ...ofOwn] = spans as readonly [MemberSpan, ...MemberSpan[]];
  const head = text.slice(0, volume.start);
  const texts = [volume, ...ofOwn].map(({ end }, at) => text.slice(end, ofOwn[at]?.start));
  const written = ofOwn.find(({ key }) => key === 'resource_metadata') as MemberSpan;
  if (written.end - written.start > maxMetadata) return undefined;
  if (!head.endsWith(volumeKey) || !texts.some((one) => one.includes(`${resourceKey}${sample.resourceId}"`)))
    return undefined;
  const { meter, type, unit, source, userId, projectId, resourceId, publisherId, epoch } = sample;
  const size = [...message.keys()].indexOf('counter_volume');
  const [ofMeter = '', ...ofResource] = signedBetween(message);
  return {
    meter: {
      text: head,
      signed: ofMeter,
      size,
      fields: { meter, type, unit },
    },
    resource: {
      // Without the volume and the signature.
      size: message.size - size - 2,
      slots: own,
      texts,
      signed: ofResource,
      metadata: {
        text: text.slice(written.start, written.end),
        signed: Buffer.from(canonicalForm.field('resource_metadata', metadata)),
      },
      key: message.get('signature_key') as string | undefined,
      fields: { source, userId, projectId, resourceId, publisherId, epoch },
    },
  };
}

/** Whether all keys are in signing order, followed by the signature. */
function isInSigningOrder(message: JsonObject): boolean {
  const keys = [...message.keys()];
  const last = keys.pop();
  return (
    last === 'message_signature' &&
    keys.every((key, at) => at === 0 || compareCodePoints(keys[at - 1] as string, key) < 0)
  );
}

/** The signed text of the fields before, between and after the values. */
function signedBetween(message: JsonObject): readonly string[] {
  const between = [''];
  for (const [key, value] of message) {
    if (values.includes(key)) between.push('');
    else between[between.length - 1] += canonicalForm.field(key, value);
  }
  return between;
}
