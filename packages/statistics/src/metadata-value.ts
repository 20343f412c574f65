import type { Sample } from '@nephoscope/core/sample-store';
import { JsonNumber, formatJson, isJsonObject, parseJson } from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';

/** A value of a sample's metadata as text, by the names that lead to it, joined by dots; null where it has none. */
export function metadataValue({ text }: Sample, key: string): string | null {
  const message = parseJson(text);
  const value = isJsonObject(message) ? valueAt(message.get('resource_metadata'), key) : undefined;
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  return value instanceof JsonNumber ? value.text : formatJson(value);
}

/** A name may have dots itself: the longest that is there goes first. */
function valueAt(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (!isJsonObject(value)) return undefined;
  const whole = value.get(key);
  if (whole !== undefined) return whole;
  for (let dot = key.lastIndexOf('.'); dot > 0; dot = key.lastIndexOf('.', dot - 1)) {
    const found = valueAt(value.get(key.slice(0, dot)), key.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
