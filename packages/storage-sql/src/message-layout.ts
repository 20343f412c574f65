import { PermanentError, formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { memberSpans } from '@nephoscope/message';

// A stored message must be reproduced exactly, so that its signature can be verified at any time. But messages of a
// series differ only in six values, which a row has in columns anyway. The rest, with placeholders for the values, is
// the layout, and is stored once.

/** The placeholders for values in a layout. No JSON text contains these characters. */
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
/** Splits a layout so that every second part is a placeholder. */
// oxlint-disable-next-line no-control-regex -- the marks are such characters
export const anyMark = /([\u0001-\u0006])/;
// oxlint-disable-next-line no-control-regex -- that is what it looks for
const noJson = /[\0-\u0008\u000b\u000c\u000e-\u001f]/;

type ColumnValues = Pick<Sample, 'messageId' | 'volume' | 'timestamp' | 'sequence'>;

/** A message in the parts that are stored in addition to the columns. */
export interface MessageParts {
  /** The common text of the messages of one counter, resource and agent, with placeholders for the values. */
  readonly layout: string;
  /** The JSON text of `resource_metadata`; null if the message has none. */
  readonly metadata: string | null;
  /** The signature if it is 32 bytes in lower-case hexadecimal digits; one of another scheme is in the variations. */
  readonly signature: string | null;
  /** A JSON object with the texts of values whose notation the columns do not reproduce, or null. */
  readonly variations: string | null;
}

/** The columns of a row, from which a layout's values are reproduced. */
export type MessageValues = ColumnValues & Omit<MessageParts, 'layout'>;

/**
 * Splits the text of a sample into layout and values.
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

/** The text that was split. */
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

/** The value in the notation of our agents. */
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

/** Databases cannot store U+0000 or half a surrogate pair in a text. */
export function isNoColumn(key: Key, { messageId }: MessageValues): boolean {
  return key === 'message_id' && (messageId.includes('\0') || !messageId.isWellFormed());
}

function signatureOf(text: string | undefined): string | null {
  return (text === undefined ? undefined : /^"([0-9a-f]{64})"$/.exec(text)?.[1]) ?? null;
}
