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
  /** Their layout behind the volume. */
  readonly behind: string;
  /** The same with the metadata in it, as the texts between the values, … */
  readonly texts: readonly string[];
  /** … and the values between the texts; the signature comes last. */
  readonly values: readonly OwnValue[];
  readonly rows: Map<Meter, KeptRows<Id>>;
  /** The timestamp of its last message and its text: all samples of a reading have the same. */
  lastTime: { readonly timestamp: bigint; readonly text: string };
}

type OwnValue = 'message_id' | 'sequence' | 'timestamp' | 'message_signature';

/** Messages that agree in all that stands before their volume. */
interface Meter extends Pick<Sample, 'type' | 'unit'> {
  /** Their layout up to the volume. */
  readonly before: string;
}

/** A message whose meter and resource are known, though perhaps not the two together. */
export interface RecentMessage<Id> {
  readonly meter: Meter;
  readonly resource: Resource<Id>;
  readonly signature: string;
}

/** About 2 KiB each. The meters of a host come one after the other, so that a resource is soon met again. */
const maxResources = 8_000;
/** Of one id: counters with and without an epoch, and of the epoch before. */
const maxOfResource = 4;
const maxMeters = 10_000;
/** Of one name, as different programs write them. */
const maxOfMeter = 4;

const signatureLength = 64;
const hexadecimal = /^[0-9a-f]+$/;
/** What stands in JSON as it is. */
const plain = /^[ !#-[\]-~]*$/;

/**
 * Knows the layouts of the messages that were recorded last: where a text is what such a layout gives with the sample's own
 * values, it need not be taken apart, which takes three times as long.
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

  /** @returns undefined where a message of this layout is not remembered */
  add(sample: Sample, { layout, metadata, signature, variations }: MessageParts): RecentMessage<Id> | undefined {
    if (metadata === null || signature === null || variations !== null) return undefined;
    const [before = '', mark, ...parts] = layout.split(anyMark);
    if (mark !== marks.counter_volume || parts.at(-2) !== marks.message_signature) return undefined;
    if (this.#meters.size >= maxMeters || this.#resources.size >= maxResources) this.forget();
    return {
      meter: this.#meter(sample, before),
      resource: this.#resource(sample, parts, metadata),
      signature,
    };
  }

  // Copies are kept: a slice would keep its whole message.
  #meter(sample: Sample, before: string): Meter {
    const others = this.#meters.get(sample.meter) ?? [];
    const known = others.find((one) => one.before === before && isOfMeter(one, sample));
    if (known !== undefined) return known;
    // The rows of a resource would keep what is dropped here.
    if (others.length >= maxOfMeter) this.forget();
    const added = { before, type: copyOf(sample.type), unit: copied(sample.unit) };
    this.#meters.set(copyOf(sample.meter), others.length < maxOfMeter ? [added, ...others] : [added]);
    return added;
  }

  #resource(sample: Sample, parts: readonly string[], metadata: string): Resource<Id> {
    const others = this.#resources.get(sample.resourceId) ?? [];
    const behind = parts.join('');
    const known = others.find((one) => isOf(one, sample) && one.metadata === metadata && one.behind === behind);
    if (known !== undefined) return known;
    const resource: Resource<Id> = {
      source: copyOf(sample.source),
      userId: copied(sample.userId),
      projectId: copied(sample.projectId),
      publisherId: copied(sample.publisherId),
      epoch: copied(sample.epoch),
      metadata: copyOf(metadata),
      behind,
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

/** What taking the message apart gives. */
export function partsOf({ meter, resource, signature }: RecentMessage<unknown>): MessageParts {
  const layout = meter.before + marks.counter_volume + resource.behind;
  return { layout, metadata: resource.metadata, signature, variations: null };
}

const copied = (text: string | null) => (text === null ? null : copyOf(text));

function isOfMeter({ before, type, unit }: Meter, sample: Sample): boolean {
  return type === sample.type && unit === sample.unit && sample.text.slice(0, before.length) === before;
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

/** The parts of a layout behind the volume, with the metadata in place of their mark: what need not be compared by itself. */
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

/** The signature in a text of the meter that is otherwise what the layout gives; undefined where it is another text. */
function signatureIn(
  { text, messageId, volume, timestamp, sequence }: Sample,
  { before }: Meter,
  resource: Resource<unknown>,
): string | undefined {
  // Compared as slices: `startsWith` goes character by character, and to put the whole together costs twice as much.
  const { texts, values } = resource;
  let at = before.length;
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
