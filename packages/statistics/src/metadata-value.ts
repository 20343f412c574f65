import type { Sample } from '@nephoscope/core/sample-store';
import { JsonNumber, formatJson, isJsonObject, memberSpans, parseJson, valueAt } from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';

/** A value of a sample's metadata as text, by its key, or a path of keys joined by dots; null if there is none. */
export function metadataValue({ text }: Sample, key: string): string | null {
  const value = valueAt(metadataOf(text), key);
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  return value instanceof JsonNumber ? value.text : formatJson(value);
}

/** A resource has few different metadata at a time, and thousands of samples share them. A text has at most 1 MiB. */
const mostKept = 16;
/** By their JSON text, oldest first. */
const kept = new Map<string, JsonValue>();

function metadataOf(message: string): JsonValue | undefined {
  const [span] = memberSpans(message, ['resource_metadata']);
  if (span === undefined) {
    // There is none, or its key is written with escapes.
    const parsed = parseJson(message);
    return isJsonObject(parsed) ? parsed.get('resource_metadata') : undefined;
  }
  const text = message.slice(span.start, span.end);
  const known = kept.get(text);
  if (known !== undefined) return known;
  const metadata = parseJson(text);
  const [oldest] = kept.keys();
  if (oldest !== undefined && kept.size >= mostKept) kept.delete(oldest);
  kept.set(text, metadata);
  return metadata;
}
