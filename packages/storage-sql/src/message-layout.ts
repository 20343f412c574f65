import { PermanentError, formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { memberSpans } from '@nephoscope/message';

// A stored message must come back character by character, so that its signature can be checked at any time. Yet what
// differs between the messages of a series are six values, and a row has them in columns anyway. The rest, with marks
// where the values stood, is the layout, and need be kept once.

/** What stands for the value of a member in a layout. No JSON text holds these characters as such. */
export const marks = {
  counter_volume: '\u0001',
  message_id: '\u0002',
  sequence: '\u0003',
  timestamp: '\u0004',
  resource_metadata: '\u0005',
  message_signature: '\u0006',
} as const;
type Key = keyof typeof marks;
const keys = Object.keys(marks) as readonly Key[];
export const keyOfMark: ReadonlyMap<string, Key> = new Map(keys.map((key) => [marks[key], key]));
/** Splits a layout so that every second part is a mark. */
// oxlint-disable-next-line no-control-regex -- the marks are such characters
export const anyMark = /([\u0001-\u0006])/;
// oxlint-disable-next-line no-control-regex -- that is what it looks for
const noJson = /[\0-\u0008\u000b\u000c\u000e-\u001f]/;

type ColumnValues = Pick<Sample, 'messageId' | 'volume' | 'timestamp' | 'sequence'>;

/** A message in the parts that are stored, beside the columns. */
export interface MessageParts {
  /** What the messages of one counter of one resource from one agent have in common: their text, with marks where values stood. */
  readonly layout: string;
  /** The JSON text of `resource_metadata`; null when the message has none. */
  readonly metadata: string | null;
  /** The signature where it is 32 bytes in lower-case hexadecimal digits; of any other scheme it is among the variations. */
  readonly signature: string | null;
  /** A JSON object with the texts of those values that are written otherwise than the columns give them; else null. */
  readonly variations: string | null;
}

/** What the columns of a row say of the values that a layout leaves out. */
export type MessageValues = ColumnValues & Omit<MessageParts, 'layout'>;

/**
 * Takes the text of a sample apart.
 *
 * @throws SAMPLE_INVALID for a text that is not JSON: with a control character, or half a surrogate pair
 */
export function dismantle(sample: Sample): MessageParts {
  const { text } = sample;
  if (noJson.test(text) || !text.isWellFormed())
    throw new PermanentError('SAMPLE_INVALID', `the text of message ${sample.messageId} is not JSON`);
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
  const variations = [...values].filter(([key, value]) => valueText(key, told) !== value || isNoColumn(key, told));
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

/** How our agents write the value. */
export function valueText(key: Key, values: MessageValues): string {
  const { messageId, metadata, sequence, signature, timestamp, volume } = values;
  switch (key) {
    case 'counter_volume':
      return volume;
    case 'message_id':
      return JSON.stringify(messageId);
    case 'sequence':
      return String(sequence);
    case 'timestamp':
      return `"${formatTimestamp(timestamp)}"`;
    case 'resource_metadata':
      return metadata ?? '';
    case 'message_signature':
      return signature === null ? '' : `"${signature}"`;
  }
}

/** Databases hold no U+0000 in a text, and no half of a surrogate pair. */
export function isNoColumn(key: Key, { messageId }: MessageValues): boolean {
  return key === 'message_id' && (messageId.includes('\0') || !messageId.isWellFormed());
}

function signatureOf(text: string | undefined): string | null {
  return (text === undefined ? undefined : /^"([0-9a-f]{64})"$/.exec(text)?.[1]) ?? null;
}
