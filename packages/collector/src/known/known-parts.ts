import type { Sample } from '@nephoscope/core/sample-store';
import { canonicalForm, compareCodePoints, isJsonObject, memberSpans } from '@nephoscope/message';
import type { MemberSpan, JsonObject } from '@nephoscope/message';

// A message of our agents in two parts that come again and again: what stands before its volume is the meter's, what stands
// behind it is the resource's, but for a few values. An agent has a few dozen of the one and some for each resource of
// the other, and all its series are pairs of them. Any pair is a message: with the keys in signing order none can stand in
// both.

/** What all messages of a meter begin with, as it is sent and as it is signed. */
export interface KnownMeter {
  readonly text: string;
  readonly signed: string;
  /** How many fields these are. */
  readonly size: number;
  readonly fields: Pick<Sample, 'meter' | 'type' | 'unit'>;
}

/** What stands behind the volume in the messages of a resource. */
export interface KnownResource {
  /** How many fields are signed of what stands here. */
  readonly size: number;
  /** The values that are a message's own, and the metadata, in their order. */
  readonly slots: readonly Slot[];
  /** What stands before, between and behind these, as it is sent and as it is signed. */
  readonly texts: readonly string[];
  readonly signed: readonly string[];
  readonly metadata: KnownMetadata;
  /** The `signature_key` that they name. */
  readonly key: string | undefined;
  readonly fields: Pick<Sample, 'source' | 'userId' | 'projectId' | 'resourceId' | 'publisherId' | 'epoch'>;
}

/** As it is sent, and the field as it is signed, in UTF-8. */
export interface KnownMetadata {
  readonly text: string;
  readonly signed: Uint8Array;
}

export type Slot = (typeof slots)[number];
const slots = ['message_id', 'resource_metadata', 'sequence', 'timestamp', 'message_signature'] as const;
/** What differs between the messages of a series, and the metadata. */
const values: readonly string[] = ['counter_volume', ...slots];

/** Before the volume, and before a resource's id. */
export const volumeKey = '"counter_volume":';
export const resourceKey = '"resource_id":"';

/** Larger ones are not kept, in characters. */
const maxMetadata = 4_096;

/**
 * The parts of a message that is written as our agents write theirs, in the canonical form; of others nothing. Of Ceilometer's
 * form each message is looked at whole, since its signature does not say where a value ends.
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
  // The volume first, then the others: so that all before the volume is the meter's.
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

/** All keys in the order in which they are signed, and then the signature. */
function isInSigningOrder(message: JsonObject): boolean {
  const keys = [...message.keys()];
  const last = keys.pop();
  return (
    last === 'message_signature' &&
    keys.every((key, at) => at === 0 || compareCodePoints(keys[at - 1] as string, key) < 0)
  );
}

/** The signed text of the fields before, between and behind the values. */
function signedBetween(message: JsonObject): readonly string[] {
  const between = [''];
  for (const [key, value] of message) {
    if (values.includes(key)) between.push('');
    else between[between.length - 1] += canonicalForm.field(key, value);
  }
  return between;
}
