import type { Sample } from '@nephoscope/core';
import { copyOf } from '@nephoscope/message';

import { anyMark, isNoColumn, keyOfMark, marks, valueText } from './message-layout.js';
import type { MessageParts } from './message-layout.js';

/** The rows that a sample refers to, kept at least for the samples of the period. */
export interface KeptRows<Id> {
  readonly series: Id;
  readonly metadata: Id;
  readonly period: number;
}

/** Messages of one resource that differ in their meter and their own values only. */
interface Resource<Id> extends Pick<Sample, 'source' | 'userId' | 'projectId' | 'publisherId' | 'epoch'> {
  /** Their layout behind the volume, and the marks in it. */
  readonly behind: readonly string[];
  readonly metadata: string;
  readonly rows: Map<string, KeptRows<Id>>;
}

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
      return rows && { ...rows, signature };
    }
    return undefined;
  }

  add(sample: Sample, { layout, metadata, signature, variations }: MessageParts, rows: KeptRows<Id>): void {
    if (metadata === null || signature === null || variations !== null) return;
    const [before = '', mark, ...behind] = layout.split(anyMark);
    if (mark !== marks.counter_volume || behind.at(-2) !== marks.message_signature) return;
    const { meter, type, unit, resourceId } = sample;
    if (this.#meters.size >= maxMeters || this.#resources.size >= maxResources) this.forget();
    // Copies: a slice would keep its whole message.
    if (this.#meters.get(meter)?.before !== before)
      this.#meters.set(copyOf(meter), { before, type: copyOf(type), unit: copied(unit) });
    const others = this.#resources.get(resourceId) ?? [];
    const known = others.find(
      (one) => isOf(one, sample) && one.metadata === metadata && one.behind.join('') === behind.join(''),
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
      behind,
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

/** The signature in a text that is otherwise what the layout gives; undefined where it is another text. */
function signatureIn(
  sample: Sample,
  { before }: Meter,
  { behind, metadata }: Resource<unknown>,
): string | undefined {
  const { text } = sample;
  const end = text.length - (behind.at(-1) as string).length - 1;
  const signature = text.slice(end - signatureLength, end);
  if (!hexadecimal.test(signature)) return undefined;
  const { messageId, volume, timestamp, sequence } = sample;
  const values = { messageId, volume, timestamp, sequence, metadata, signature, variations: null };
  if (isNoColumn('message_id', values)) return undefined;
  // Compared in slices: it costs half of putting the whole together.
  let at = before.length;
  if (text.slice(0, at) !== before) return undefined;
  if (text.slice(at, (at += volume.length)) !== volume) return undefined;
  for (const part of behind) {
    const key = keyOfMark.get(part);
    const expected = key === undefined ? part : valueText(key, values);
    if (text.slice(at, (at += expected.length)) !== expected) return undefined;
  }
  return at === text.length ? signature : undefined;
}
