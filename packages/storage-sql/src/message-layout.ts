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

function signatureOf(text: string | undefined): Buffer | null {
  const digits = text === undefined ? undefined : quotedSignature.exec(text)?.[1];
  return digits === undefined ? null : Buffer.from(digits, 'hex');
}

/**
 * Recognises messages of a layout that was met before, several times faster than to take them apart: those that our
 * agents make, with the metadata before the signature.
 */
export class KnownLayout {
  readonly layout: string;
  readonly #beforeMetadata: readonly string[];
  readonly #beforeSignature: readonly string[];
  readonly #behind: string;

  private constructor(layout: string, metadata: number, signature: number) {
    this.layout = layout;
    this.#beforeMetadata = layout.slice(0, metadata).split(anyMark);
    this.#beforeSignature = layout.slice(metadata + 1, signature).split(anyMark);
    this.#behind = layout.slice(signature + 1);
  }

  /** Nothing when the layout is not of that kind. */
  static of(layout: string): KnownLayout | undefined {
    const metadata = layout.indexOf(marks.resource_metadata);
    const signature = layout.indexOf(marks.message_signature);
    if (metadata < 0 || signature < metadata || anyMark.test(layout.slice(signature + 1))) return undefined;
    return new KnownLayout(layout, metadata, signature);
  }

  /**
   * The message's parts, if its text is of this layout; else nothing.
   *
   * @param isMetadata whether a text is known to be a JSON value: what stands between the known parts could be more
   *   than the metadata
   */
  match(sample: Sample, isMetadata: (text: string) => boolean): MessageParts | undefined {
    const { text } = sample;
    const before = filled(this.#beforeMetadata, sample);
    if (text.slice(0, before.length) !== before) return undefined;
    const between = filled(this.#beforeSignature, sample);
    const signatureAt = text.length - this.#behind.length - 66;
    const metadataEnd = signatureAt - between.length;
    if (metadataEnd < before.length || text.slice(metadataEnd, signatureAt) !== between) return undefined;
    if (!text.endsWith(this.#behind)) return undefined;
    const signature = signatureOf(text.slice(signatureAt, signatureAt + 66));
    const metadata = text.slice(before.length, metadataEnd);
    if (signature === null || !isMetadata(metadata)) return undefined;
    return { layout: this.layout, metadata, signature, variations: null };
  }
}

/** @param parts the texts between the marks, and every second one a mark */
function filled(parts: readonly string[], sample: Sample): string {
  let text = parts[0] as string;
  for (let at = 1; at < parts.length; at += 2)
    text += columnText(keyOfMark.get(parts[at] as string) as Key, sample) + parts[at + 1];
  return text;
}
