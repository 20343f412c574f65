import { memberSpans } from './member-spans.js';

/** A message's text, apart: `head`, the text of its metadata, `tail`, one after the other. */
export interface MessageParts {
  readonly head: string;
  /** Null when the message has none; the head is the whole text then. */
  readonly metadata: string | null;
  readonly tail: string;
}

const keys = ['resource_metadata'];

export function messageParts(text: string): MessageParts {
  const [span] = memberSpans(text, keys);
  if (span === undefined) return { head: text, metadata: null, tail: '' };
  return {
    head: text.slice(0, span.start),
    metadata: text.slice(span.start, span.end),
    tail: text.slice(span.end),
  };
}
