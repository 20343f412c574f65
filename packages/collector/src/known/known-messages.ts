import { isDeepStrictEqual } from 'node:util';

import type { Sample } from '@nephoscope/core/sample-store';
import { copyOf, readMeteringMessage, signedMessage } from '@nephoscope/message';
import type { JsonObject, SignedMessage } from '@nephoscope/message';

import { divide, resourceKey, volumeKey } from './known-parts.js';
import type { KnownMetadata, KnownMeter, KnownResource } from './known-parts.js';
import { ownValues, secondOf } from './own-values.js';
import { RecognisedMessage } from './recognised-message.js';
import type { Recognised } from './recognised-message.js';

/** A metering message that was read: the parts for the verifier and for the store. */
export interface ReadSample {
  readonly message: SignedMessage;
  readonly sample: Sample;
  /** What {@link KnownMessages.learn} learns from it; undefined if it is known already. */
  readonly unknown: JsonObject | undefined;
}

/** The limit of the memory in bytes; when it is exceeded, everything is discarded. */
const maxBytes = 56 * 1024 * 1024;
/** The size of each entry besides its characters, in bytes: measured, including the maps that hold it. */
const sizes = { second: 150, meter: 800, resource: 900, text: 90, metadata: 350 };
/** The most recent entries of one resource id: each epoch creates one, as do counters without epoch or with other metadata. */
const maxOfResource = 8;

/** Much shorter than a volume may be. */
const volume = /-?(?:0|[1-9]\d{0,39})(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?/y;

/**
 * Reads metering messages and recognises those that resemble learned ones. Agents write nearly the same messages in every
 * cycle, and only some hundred characters of a kilobyte differ. If all others equal those of a known message, only the
 * differing ones are parsed. The result is the same as from reading the whole message.
 */
export class KnownMessages {
  readonly #meters = new Map<string, KnownMeter>();
  #lastMeter: KnownMeter | undefined;
  readonly #resources = new Map<string, readonly KnownResource[]>();
  readonly #metadata = new Map<string, KnownMetadata>();
  readonly #seconds = new Map<string, bigint>();
  /** The texts in use, so that each is kept once. */
  readonly #texts = new Map<string, string>();
  #bytes = 0;

  /**
   * Reads a message without learning it.
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
   * Learns a message. Only verified messages may be learned: otherwise anybody who can send messages could fill the memory or
   * empty it.
   */
  learn({ unknown, sample }: ReadSample): void {
    if (unknown !== undefined) this.#learnParts(unknown, sample);
  }

  /** The approximate memory in use, in bytes. */
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
    // All messages of one body have the same meter.
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
    // A copy, because a buffer from Node's pool would retain all 8 KiB of the pool.
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
    // V8 uses one byte for each character, or two if any of them is beyond Latin-1: never more than one byte for each plus UTF-8.
    this.#bytes += sizes.text + Buffer.byteLength(copy);
    return copy;
  }

  #forget(): void {
    for (const known of [this.#meters, this.#resources, this.#metadata, this.#seconds, this.#texts]) known.clear();
    this.#lastMeter = undefined;
    this.#bytes = 0;
  }
}

/** The same sample that {@link readMeteringMessage} returns. */
function sampleOf({ meter, resource, volume, values }: Recognised, text: string): Sample {
  // Object literals throughout: a spread costs more than everything else.
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
