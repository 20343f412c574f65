import type { KnownResource, Slot } from './known-parts.js';

const messageId = /"[ !#-[\]-~]{1,64}"/y;
const digits = /(?:0|[1-9]\d{0,17})/y;
/** As agents write it: six digits of a second, or nine of which the last three are not all zero. */
const fraction = /\.(?:\d{9}(?<!000)|\d{6})\+00:00"/y;
/** Of any scheme: the verifier checks whether it is valid. */
const signature = /"[ !#-[\]-~]{1,1000}"/y;
const secondLength = '"2026-11-22T21:00:00'.length;

/** The values after the volume. */
export interface OwnValues {
  messageId: string;
  /** Decimal digits; '' if the message has no sequence number. */
  sequence: string;
  /** As it is sent, and in ns since 1970 UTC. */
  time: string;
  timestamp: bigint;
  signature: string;
}

/** Times in ns since 1970 UTC, by their text up to the second. */
export type KnownSeconds = ReadonlyMap<string, bigint>;

/**
 * The values of a message of this resource whose volume ends at `start`; undefined if any character between them differs, or if a
 * value is not written as agents write it.
 */
export function ownValues(
  text: string,
  start: number,
  { metadata, slots, texts }: KnownResource,
  seconds: KnownSeconds,
): OwnValues | undefined {
  const values = { messageId: '', sequence: '', time: '', timestamp: 0n, signature: '' };
  let at = start;
  for (let slot = 0; slot < slots.length; slot++) {
    const before = texts[slot] as string;
    // Comparing slices is faster than `startsWith`, which compares character by character.
    if (text.slice(at, at + before.length) !== before) return undefined;
    at += before.length;
    let end: number;
    switch (slots[slot] as Slot) {
      case 'message_id':
        end = endOf(messageId, text, at);
        if (end === 0) return undefined;
        values.messageId = text.slice(at + 1, end - 1);
        break;
      case 'resource_metadata':
        end = at + metadata.text.length;
        if (text.slice(at, end) !== metadata.text) return undefined;
        break;
      case 'sequence':
        end = endOf(digits, text, at);
        if (end === 0) return undefined;
        values.sequence = text.slice(at, end);
        break;
      case 'timestamp': {
        const second = seconds.get(text.slice(at, at + secondLength));
        end = endOf(fraction, text, at + secondLength);
        if (second === undefined || end === 0) return undefined;
        values.time = text.slice(at + 1, end - 1);
        values.timestamp = second + nanoseconds(text.slice(at + secondLength + 1, end - '+00:00"'.length));
        break;
      }
      case 'message_signature':
        end = endOf(signature, text, at);
        if (end === 0) return undefined;
        values.signature = text.slice(at + 1, end - 1);
    }
    at = end;
  }
  return text.slice(at) === texts[slots.length] ? values : undefined;
}

/** The text of a timestamp up to the second, and its time, if it is written as agents write it. */
export function secondOf(timestamp: bigint, text: string): readonly [string, bigint] | undefined {
  const quoted = `"${text}"`;
  const end = endOf(fraction, quoted, secondLength);
  if (end !== quoted.length) return undefined;
  const digits = quoted.slice(secondLength + 1, end - '+00:00"'.length);
  return [quoted.slice(0, secondLength), timestamp - nanoseconds(digits)];
}

function nanoseconds(fraction: string): bigint {
  return BigInt(fraction.length === 6 ? Number(fraction) * 1_000 : Number(fraction));
}

/** The position after the match; 0 if the text at `at` does not match. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : 0;
}
