import { formatTimestamp, NephoscopeError } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core';

import { memberSpans } from './member-spans.js';
import { storable } from './storable.js';

// A stored message must come back character by character, so that its signature can be checked at any time. Yet what
// differs between the messages of a series are six values, and a row has them in columns anyway. The rest, with marks
// where the values stood, is the layout, and stands in the database once.

/** What stands for the value of a member in a layout. No JSON text holds these characters as such. */
const marks = {
  counter_volume: '\u0001',
  message_id: '\u0002',
  sequence: '\u0003',
  timestamp: '\u0004',
  resource_metadata: '\u0005',
  message_signature: '\u0006',
} as const;
type Key = keyof typeof marks;
const keys = Object.keys(marks) as readonly Key[];
const keyOfMark: ReadonlyMap<string, Key> = new Map(keys.map((key) => [marks[key], key]));
// eslint-disable-next-line no-control-regex -- the marks are such characters
const anyMark = /([\u0001-\u0006])/;

type ColumnValues = Pick<Sample, 'messageId' | 'volume' | 'timestamp' | 'sequence'>;

/** What the columns of a row say of the values that a layout leaves out. */
export interface MessageValues extends ColumnValues {
  /** The JSON text of `resource_metadata`; null when the message has none. */
  readonly metadata: string | null;
  /** The bytes of the signature; null when it is not written as 64 lower-case hexadecimal digits. */
  readonly signature: Uint8Array | null;
  /** A JSON object with the texts of those values that are written otherwise than the columns give them; else null. */
  readonly variations: string | null;
}

/** A message in the parts that are stored. */
export type MessageParts = Pick<MessageValues, 'metadata' | 'signature' | 'variations'> & {
  readonly layout: string;
};

/**
 * Takes the text of a sample apart.
 *
 * @throws SAMPLE_INVALID for a text that is no JSON
 */
export function dismantle(sample: Sample): MessageParts {
  const { text } = sample;
  if (anyMark.test(text))
    throw new NephoscopeError('SAMPLE_INVALID', `the text of message ${sample.messageId} is no JSON`);
  let layout = '';
  let at = 0;
  const values = new Map<Key, string>();
  for (const { key, start, end } of memberSpans(text, keys)) {
    values.set(key as Key, text.slice(start, end));
    layout += text.slice(at, start) + marks[key as Key];
    at = end;
  }
  const parts = {
    layout: layout + text.slice(at),
    metadata: values.get('resource_metadata') ?? null,
    signature: signatureOf(values.get('message_signature')),
  };
  const told = { ...sample, ...parts, variations: null };
  const variations = [...values].filter(([key, value]) => valueText(key, told) !== value);
  return {
    ...parts,
    variations: variations.length === 0 ? null : JSON.stringify(Object.fromEntries(variations)),
  };
}

/** The text that was taken apart. */
export function assemble(layout: string, values: MessageValues): string {
  const variations =
    values.variations === null ? {} : (JSON.parse(values.variations) as Readonly<Record<string, string>>);
  return layout
    .split(anyMark)
    .map((part) => {
      const key = keyOfMark.get(part);
      return key === undefined ? part : (variations[key] ?? valueText(key, values));
    })
    .join('');
}

function valueText(key: Key, values: MessageValues): string {
  const { metadata, signature } = values;
  if (key === 'resource_metadata') return metadata ?? '';
  if (key === 'message_signature') return signature === null ? '' : `"${Buffer.from(signature).toString('hex')}"`;
  return columnText(key, values);
}

/** How our agents write the value of a column. */
function columnText(key: Key, { volume, messageId, sequence, timestamp }: ColumnValues): string {
  if (key === 'counter_volume') return volume;
  if (key === 'message_id') return JSON.stringify(storable(messageId));
  if (key === 'sequence') return String(sequence);
  return `"${formatTimestamp(timestamp)}"`;
}

const quotedSignature = /^"([0-9a-f]{64})"$/;
const signatureLength = 66;

function signatureOf(text: string | undefined): Buffer | null {
  const digits = text === undefined ? undefined : quotedSignature.exec(text)?.[1];
  return digits === undefined ? null : Buffer.from(digits, 'hex');
}

/**
 * A layout that was met before. It recognises messages that our agents make, with the metadata before the signature,
 * several times faster than they are taken apart.
 */
export class KnownLayout {
  /** The texts between the marks, and every second one a mark. */
  readonly #parts: readonly string[];
  /** Where the marks of metadata and signature stand in it; undefined when messages of this layout are not recognised. */
  readonly #metadata: number | undefined;
  readonly #signature: number;

  /** @param shared gives the same text, one for all layouts: they have most of their parts in common */
  constructor(layout: string, shared: (text: string) => string = (text) => text) {
    this.#parts = layout.split(anyMark).map(shared);
    const metadata = this.#parts.indexOf(marks.resource_metadata);
    this.#signature = this.#parts.indexOf(marks.message_signature);
    const isUsual = metadata > 0 && this.#signature > metadata && this.#parts.length === this.#signature + 2;
    this.#metadata = isUsual ? metadata : undefined;
  }

  get text(): string {
    return this.#parts.join('');
  }

  /**
   * The message's parts, if its text is of this layout; else nothing.
   *
   * @param isMetadata whether a text is known to be a JSON value: what stands between the known parts could be more
   *   than the metadata
   */
  match(sample: Sample, isMetadata: (text: string) => boolean): Omit<MessageParts, 'layout'> | undefined {
    if (this.#metadata === undefined) return undefined;
    const { text } = sample;
    const before = this.#filled(0, this.#metadata, sample);
    if (text.slice(0, before.length) !== before) return undefined;
    const between = this.#filled(this.#metadata + 1, this.#signature, sample);
    const behind = this.#parts[this.#signature + 1] as string;
    const signatureAt = text.length - behind.length - signatureLength;
    const metadataEnd = signatureAt - between.length;
    if (metadataEnd < before.length || text.slice(metadataEnd, signatureAt) !== between) return undefined;
    if (!text.endsWith(behind)) return undefined;
    const signature = signatureOf(text.slice(signatureAt, signatureAt + signatureLength));
    const metadata = text.slice(before.length, metadataEnd);
    if (signature === null || !isMetadata(metadata)) return undefined;
    return { metadata, signature, variations: null };
  }

  /** The parts from one text up to a mark, with the sample's values. */
  #filled(from: number, to: number, sample: Sample): string {
    const parts = this.#parts;
    let text = parts[from] as string;
    for (let at = from + 1; at < to; at += 2)
      text += columnText(keyOfMark.get(parts[at] as string) as Key, sample) + parts[at + 1];
    return text;
  }
}
