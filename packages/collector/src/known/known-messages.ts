import { isDeepStrictEqual } from 'node:util';

import type { Sample } from '@nephoscope/core/sample-store';
import { copyOf, readMeteringMessage, signedMessage } from '@nephoscope/message';
import type { JsonObject, SignedMessage } from '@nephoscope/message';

import { divide, resourceKey, volumeKey } from './known-parts.js';
import type { KnownMetadata, KnownMeter, KnownResource } from './known-parts.js';
import { ownValues, secondOf } from './own-values.js';
import { RecognisedMessage } from './recognised-message.js';
import type { Recognised } from './recognised-message.js';

/** A metering message that was read: for a verifier, and for a store. */
export interface ReadSample {
  readonly message: SignedMessage;
  readonly sample: Sample;
  /** What {@link KnownMessages.learn} learns of it; undefined where it is known. */
  readonly unknown: JsonObject | undefined;
}

/** What is remembered may take so much together, bytes, before all of it is forgotten. */
const maxBytes = 56 * 1024 * 1024;
/** What things take beside their characters, bytes: measured, with the maps that they stand in. */
const sizes = { second: 150, meter: 800, resource: 900, text: 90, metadata: 350 };
/** Of one id, those that were met last: each epoch makes one, and counters without epoch or with other metadata do. */
const maxOfResource = 8;

const volume = /-?(?:0|[1-9]\d{0,39})(?:\.\d{1,40})?(?:[eE][+-]?\d{1,4})?/y;

/**
 * Reads metering messages and knows again what it was told to learn. Agents write the same messages cycle after cycle, and of
 * a kilobyte some hundred characters differ: where all the others are those of messages that it knows, only these are
 * looked at. What it gives is what reading the whole would give.
 */
export class KnownMessages {
  readonly #meters = new Map<string, KnownMeter>();
  #lastMeter: KnownMeter | undefined;
  readonly #resources = new Map<string, readonly KnownResource[]>();
  readonly #metadata = new Map<string, KnownMetadata>();
  readonly #seconds = new Map<string, bigint>();
  /** So that each is kept once. */
  readonly #texts = new Map<string, string>();
  #bytes = 0;

  /**
   * Remembers nothing.
   *
   * @throws MESSAGE_UNREADABLE naming the field; SAMPLE_WITHOUT_VOLUME
   */
  read(text: string): ReadSample {
    const recognised = this.#recognise(text);
    if (recognised !== undefined)
      return {
        message: new RecognisedMessage(recognised),
        sample: sampleOf(recognised, text),
        unknown: undefined,
      };
    const { message, sample } = readMeteringMessage(text);
    return { message: signedMessage(message), sample, unknown: message };
  }

  /**
   * Remembers a message. Only for those that are verified: whoever may send anything would fill the
   * memory, or empty it.
   */
  learn({ unknown, sample }: ReadSample): void {
    if (unknown !== undefined) this.#learnParts(unknown, sample);
  }

  /** About what all that is remembered takes, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  #learnParts(message: JsonObject, sample: Sample): void {
    const divided = divide(message, sample);
    if (divided === undefined) return;
    if (this.#bytes > maxBytes) this.#forget();
    this.#learnSecond(sample.timestamp, message.get('timestamp') as string);
    this.#learnMeter(divided.meter);
    this.#learnResource(divided.resource);
  }

  #recognise(text: string): Recognised | undefined {
    const meter = this.#meterOf(text);
    if (meter === undefined) return undefined;
    const volumeAt = meter.text.length;
    volume.lastIndex = volumeAt;
    if (!volume.test(text)) return undefined;
    const volumeEnd = volume.lastIndex;
    const idAt = text.indexOf(resourceKey, volumeEnd) + resourceKey.length;
    for (const resource of this.#resources.get(text.slice(idAt, text.indexOf('"', idAt))) ?? []) {
      const values = ownValues(text, volumeEnd, resource, this.#seconds);
      if (values !== undefined) return { meter, resource, volume: text.slice(volumeAt, volumeEnd), values };
    }
    return undefined;
  }

  #meterOf(text: string): KnownMeter | undefined {
    // All messages of a body are of one meter.
    const last = this.#lastMeter;
    if (last !== undefined && text.slice(0, last.text.length) === last.text) return last;
    const found = this.#meters.get(text.slice(0, text.indexOf(volumeKey) + volumeKey.length));
    if (found !== undefined) this.#lastMeter = found;
    return found;
  }

  #learnMeter({ text, signed, size, fields }: KnownMeter): void {
    if (this.#meters.has(text)) return;
    const { meter, type, unit } = fields;
    const shared = {
      text: this.#shared(text),
      signed: this.#shared(signed),
      size,
      fields: {
        meter: this.#shared(meter),
        type: this.#shared(type),
        unit: unit === null ? null : this.#shared(unit),
      },
    };
    this.#meters.set(shared.text, shared);
    this.#bytes += sizes.meter;
  }

  #learnResource(resource: KnownResource): void {
    const { resourceId } = resource.fields;
    const metadata = this.#learnMetadata(resource.metadata);
    const others = this.#resources.get(resourceId) ?? [];
    if (others.some((one) => one.metadata === metadata && isSame(one, resource))) return;
    const fields = Object.fromEntries(
      Object.entries(resource.fields).map(([key, value]) => [key, value === null ? null : this.#shared(value)]),
    ) as KnownResource['fields'];
    const learned: KnownResource = {
      ...resource,
      key: resource.key === undefined ? undefined : this.#shared(resource.key),
      metadata,
      fields,
      texts: resource.texts.map((text) => this.#shared(text)),
      signed: resource.signed.map((text) => this.#shared(text)),
    };
    this.#resources.set(fields.resourceId, [learned, ...others.slice(0, maxOfResource - 1)]);
    this.#bytes += sizes.resource;
  }

  #learnMetadata({ text, signed }: KnownMetadata): KnownMetadata {
    const known = this.#metadata.get(text);
    if (known !== undefined) return known;
    // A copy: a buffer of Node's pool would keep all 8 KiB of it.
    const shared = { text: this.#shared(text), signed: new Uint8Array(signed) };
    this.#metadata.set(shared.text, shared);
    this.#bytes += sizes.metadata + signed.length;
    return shared;
  }

  #learnSecond(timestamp: bigint, text: string): void {
    const known = secondOf(timestamp, text);
    if (known === undefined || this.#seconds.has(known[0])) return;
    this.#seconds.set(copyOf(known[0]), known[1]);
    this.#bytes += sizes.second;
  }

  #shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const copy = copyOf(text);
    this.#texts.set(copy, copy);
    // V8 takes a byte for a character, or two where one of them is beyond Latin-1: never more than UTF-8 and that byte.
    this.#bytes += sizes.text + Buffer.byteLength(copy);
    return copy;
  }

  #forget(): void {
    for (const known of [this.#meters, this.#resources, this.#metadata, this.#seconds, this.#texts]) known.clear();
    this.#lastMeter = undefined;
    this.#bytes = 0;
  }
}

/** What {@link readMeteringMessage} would give. */
function sampleOf({ meter, resource, volume, values }: Recognised, text: string): Sample {
  // Literals all through: a spread costs more than all the rest.
  const { source, userId, projectId, resourceId, publisherId, epoch } = resource.fields;
  return {
    messageId: values.messageId,
    source,
    meter: meter.fields.meter,
    type: meter.fields.type,
    unit: meter.fields.unit,
    userId,
    projectId,
    resourceId,
    timestamp: values.timestamp,
    publisherId,
    sequence: values.sequence === '' ? null : BigInt(values.sequence),
    epoch,
    text,
    volume,
  };
}

function isSame(one: KnownResource, other: KnownResource): boolean {
  return isDeepStrictEqual([one.slots, one.texts], [other.slots, other.texts]);
}
