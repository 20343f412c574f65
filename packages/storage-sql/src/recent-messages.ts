import { formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { copyOf } from '@nephoscope/message';

import { anyMark, keyOfMark, marks } from './message-layout.js';
import type { MessageParts } from './message-layout.js';

/** The rows that a sample refers to, kept at least for the samples of the period. */
export interface KeptRows<Id> {
  readonly series: Id;
  readonly metadata: Id;
  readonly period: number;
}

/** Messages of one resource that differ in their meter and their own values only. */
interface Resource<Id> extends Pick<Sample, 'source' | 'userId' | 'projectId' | 'publisherId' | 'epoch'> {
  readonly metadata: string;
  /** Their layout after the volume. */
  readonly afterVolume: string;
  /** The same with the metadata filled in: the texts around the values. */
  readonly texts: readonly string[];
  /** The values between the texts; the signature is the last one. */
  readonly values: readonly OwnValue[];
  readonly rows: Map<Meter, KeptRows<Id>>;
  /** The timestamp of the last message and its text: all samples of a reading have the same one. */
  lastTime: { readonly timestamp: bigint; readonly text: string };
}

type OwnValue = 'message_id' | 'sequence' | 'timestamp' | 'message_signature';

/** Messages that have the same text before the volume. */
interface Meter extends Pick<Sample, 'type' | 'unit'> {
  /** Their layout up to the volume. */
  readonly beforeVolume: string;
}

/** A message whose meter and resource are both known, perhaps from different messages. */
export interface RecentMessage<Id> {
  readonly meter: Meter;
  readonly resource: Resource<Id>;
  readonly signature: string;
}

/** About 2 KiB each. A host sends one meter after the other, so each resource soon comes again. */
const maxResources = 8_000;
/** Per resource id: meters with and without an epoch, and those of the previous epoch. */
const maxOfResource = 4;
const maxMeters = 10_000;
/** Per meter name: programs write the same meter differently. */
const maxOfMeter = 4;

const signatureLength = 64;
const hexadecimal = /^[0-9a-f]+$/;
/** Characters that JSON does not escape. */
const plain = /^[ !#-[\]-~]*$/;

/**
 * Caches the layouts of recently recorded messages. A text that equals such a layout filled with the sample's values need
 * not be taken apart, which takes three times as long.
 */
export class RecentMessages<Id> {
  readonly #meters = new Map<string, readonly Meter[]>();
  readonly #resources = new Map<string, readonly Resource<Id>[]>();

  find(sample: Sample): RecentMessage<Id> | undefined {
    const meter = this.#meters.get(sample.meter)?.find((one) => isOfMeter(one, sample));
    if (meter === undefined) return undefined;
    for (const resource of this.#resources.get(sample.resourceId) ?? []) {
      if (!isOf(resource, sample)) continue;
      const signature = signatureIn(sample, meter, resource);
      if (signature !== undefined) return { meter, resource, signature };
    }
    return undefined;
  }

  /** @returns undefined if messages of this layout are not cached */
  add(sample: Sample, { layout, metadata, signature, variations }: MessageParts): RecentMessage<Id> | undefined {
    if (metadata === null || signature === null || variations !== null) return undefined;
    const [beforeVolume = '', mark, ...parts] = layout.split(anyMark);
    if (mark !== marks.counter_volume || parts.at(-2) !== marks.message_signature) return undefined;
    if (this.#meters.size >= maxMeters || this.#resources.size >= maxResources) this.forget();
    return {
      meter: this.#meter(sample, beforeVolume),
      resource: this.#resource(sample, parts, metadata),
      signature,
    };
  }

  // Copies, because a slice would keep its whole message in memory.
  #meter(sample: Sample, beforeVolume: string): Meter {
    const others = this.#meters.get(sample.meter) ?? [];
    const known = others.find((one) => one.beforeVolume === beforeVolume && isOfMeter(one, sample));
    if (known !== undefined) return known;
    // Dropping one alone would leave it in the rows of the resources.
    if (others.length >= maxOfMeter) this.forget();
    const added = { beforeVolume, type: copyOf(sample.type), unit: copied(sample.unit) };
    this.#meters.set(copyOf(sample.meter), others.length < maxOfMeter ? [added, ...others] : [added]);
    return added;
  }

  #resource(sample: Sample, parts: readonly string[], metadata: string): Resource<Id> {
    const others = this.#resources.get(sample.resourceId) ?? [];
    const afterVolume = parts.join('');
    const known = others.find(
      (one) => isOf(one, sample) && one.metadata === metadata && one.afterVolume === afterVolume,
    );
    if (known !== undefined) return known;
    const resource: Resource<Id> = {
      source: copyOf(sample.source),
      userId: copied(sample.userId),
      projectId: copied(sample.projectId),
      publisherId: copied(sample.publisherId),
      epoch: copied(sample.epoch),
      metadata: copyOf(metadata),
      afterVolume,
      ...withMetadata(parts, metadata),
      rows: new Map(),
      lastTime: { timestamp: 0n, text: '' },
    };
    this.#resources.set(copyOf(sample.resourceId), [resource, ...others.slice(0, maxOfResource - 1)]);
    return resource;
  }

  forget(): void {
    this.#meters.clear();
    this.#resources.clear();
  }
}

/** The same parts as `dismantle` returns. */
export function partsOf({ meter, resource, signature }: RecentMessage<unknown>): MessageParts {
  const layout = meter.beforeVolume + marks.counter_volume + resource.afterVolume;
  return { layout, metadata: resource.metadata, signature, variations: null };
}

const copied = (text: string | null) => (text === null ? null : copyOf(text));

function isOfMeter({ beforeVolume, type, unit }: Meter, sample: Sample): boolean {
  return (
    type === sample.type && unit === sample.unit && sample.text.slice(0, beforeVolume.length) === beforeVolume
  );
}

function isOf(resource: Resource<unknown>, sample: Sample): boolean {
  return (
    resource.epoch === sample.epoch &&
    resource.publisherId === sample.publisherId &&
    resource.projectId === sample.projectId &&
    resource.userId === sample.userId &&
    resource.source === sample.source
  );
}

/** Splits a layout after the volume at its values, with the metadata as part of the texts: one comparison less. */
function withMetadata(
  parts: readonly string[],
  metadata: string,
): { readonly texts: readonly string[]; readonly values: readonly OwnValue[] } {
  const texts = [''];
  const values: OwnValue[] = [];
  for (const part of parts) {
    const key = keyOfMark.get(part);
    if (key === undefined || key === 'resource_metadata')
      texts.push((texts.pop() as string) + (key ? metadata : part));
    else {
      values.push(key as OwnValue);
      texts.push('');
    }
  }
  return { texts: texts.map(copyOf), values };
}

/** The signature in the text of a sample if all the rest equals the filled layout, else undefined. */
function signatureIn(
  { text, messageId, volume, timestamp, sequence }: Sample,
  { beforeVolume }: Meter,
  resource: Resource<unknown>,
): string | undefined {
  // Slices, because `startsWith` compares character by character, and building the whole text costs twice as much.
  const { texts, values } = resource;
  let at = beforeVolume.length;
  const goesOn = (part: string): boolean => text.slice(at, (at += part.length)) === part;
  if (!goesOn(volume) || !plain.test(messageId)) return undefined;
  let signature = '';
  for (let slot = 0; slot < values.length; slot++) {
    if (!goesOn(texts[slot] as string)) return undefined;
    switch (values[slot] as OwnValue) {
      case 'message_id':
        if (!goesOn(`"${messageId}"`)) return undefined;
        break;
      case 'sequence':
        if (!goesOn(String(sequence))) return undefined;
        break;
      case 'timestamp':
        if (!goesOn(timeText(resource, timestamp))) return undefined;
        break;
      case 'message_signature':
        signature = text.slice(at + 1, at + 1 + signatureLength);
        if (!goesOn(`"${signature}"`) || !hexadecimal.test(signature)) return undefined;
    }
  }
  return goesOn(texts[values.length] as string) && at === text.length ? signature : undefined;
}

function timeText(resource: Resource<unknown>, timestamp: bigint): string {
  const { lastTime } = resource;
  if (lastTime.timestamp === timestamp && lastTime.text !== '') return lastTime.text;
  const text = `"${formatTimestamp(timestamp)}"`;
  resource.lastTime = { timestamp, text };
  return text;
}
