import { formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core';
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
  readonly rows: Map<string, KeptRows<Id>>;
}

type OwnValue = 'message_id' | 'sequence' | 'timestamp' | 'message_signature';

interface Meter extends Pick<Sample, 'type' | 'unit'> {
  /** Their layout up to the volume. */
  readonly before: string;
}

/** About 2 KiB each. The meters of a host come one after the other, so that a resource is soon met again. */
const maxResources = 8_000;
/** Of one id: counters with and without an epoch, and of the epoch before. */
const maxOfResource = 4;
const maxMeters = 10_000;

const signatureLength = 64;
const hexadecimal = /^[0-9a-f]+$/;
/** What stands in JSON as it is. */
const plain = /^[ !#-[\]-~]*$/;

/**
 * Knows the layouts of the messages that were recorded last: where a text is what such a layout gives with the sample's own
 * values, it need not be taken apart. That costs a tenth.
 */
export class RecentMessages<Id> {
  readonly #meters = new Map<string, Meter>();
  readonly #resources = new Map<string, Resource<Id>[]>();

  /** What {@link add} was told of the series of this sample, with the signature in its text; undefined if that is not known. */
  find(sample: Sample): (KeptRows<Id> & { readonly signature: string }) | undefined {
    const meter = this.#meters.get(sample.meter);
    if (meter?.type !== sample.type || meter.unit !== sample.unit) return undefined;
    for (const resource of this.#resources.get(sample.resourceId) ?? []) {
      if (!isOf(resource, sample)) continue;
      const signature = signatureIn(sample, meter, resource);
      if (signature === undefined) continue;
      const rows = resource.rows.get(sample.meter);
      return rows && { series: rows.series, metadata: rows.metadata, period: rows.period, signature };
    }
    return undefined;
  }

  add(sample: Sample, { layout, metadata, signature, variations }: MessageParts, rows: KeptRows<Id>): void {
    if (metadata === null || signature === null || variations !== null) return;
    const [before = '', mark, ...parts] = layout.split(anyMark);
    if (mark !== marks.counter_volume || parts.at(-2) !== marks.message_signature) return;
    const { meter, type, unit, resourceId } = sample;
    if (this.#meters.size >= maxMeters || this.#resources.size >= maxResources) this.forget();
    // Copies: a slice would keep its whole message.
    if (this.#meters.get(meter)?.before !== before)
      this.#meters.set(copyOf(meter), { before, type: copyOf(type), unit: copied(unit) });
    const others = this.#resources.get(resourceId) ?? [];
    const known = others.find(
      (one) => isOf(one, sample) && one.metadata === metadata && one.behind === parts.join(''),
    );
    if (known !== undefined) {
      known.rows.set(copyOf(meter), rows);
      return;
    }
    const resource = {
      source: copyOf(sample.source),
      userId: copied(sample.userId),
      projectId: copied(sample.projectId),
      publisherId: copied(sample.publisherId),
      epoch: copied(sample.epoch),
      metadata: copyOf(metadata),
      behind: parts.join(''),
      ...withMetadata(parts, metadata),
      rows: new Map([[copyOf(meter), rows]]),
    };
    this.#resources.set(copyOf(resourceId), [resource, ...others.slice(0, maxOfResource - 1)]);
  }

  forget(): void {
    this.#meters.clear();
    this.#resources.clear();
  }
}

const copied = (text: string | null) => (text === null ? null : copyOf(text));

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

/** The signature in a text that is otherwise what the layout gives; undefined where it is another text. */
function signatureIn(
  { text, messageId, volume, timestamp, sequence }: Sample,
  { before }: Meter,
  { texts, values }: Resource<unknown>,
): string | undefined {
  // Compared as slices: `startsWith` goes character by character, and to put the whole together costs twice as much.
  let at = 0;
  const goesOn = (part: string): boolean => text.slice(at, (at += part.length)) === part;
  if (!goesOn(before) || !goesOn(volume) || !plain.test(messageId)) return undefined;
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
        if (!goesOn(timeText(timestamp))) return undefined;
        break;
      case 'message_signature':
        signature = text.slice(at + 1, at + 1 + signatureLength);
        if (!goesOn(`"${signature}"`) || !hexadecimal.test(signature)) return undefined;
    }
  }
  return goesOn(texts[values.length] as string) && at === text.length ? signature : undefined;
}

let lastTime = { timestamp: 0n, text: '' };

/** Of one reading all samples have the same, and come one after the other. */
function timeText(timestamp: bigint): string {
  if (lastTime.timestamp !== timestamp || lastTime.text === '')
    lastTime = { timestamp, text: `"${formatTimestamp(timestamp)}"` };
  return lastTime.text;
}
