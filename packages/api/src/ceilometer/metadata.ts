import { JsonNumber, isJsonObject, parseJson } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

/** `resource_metadata` of a message. */
export function metadataOf(message: string): JsonValue | undefined {
  const value = parseJson(message);
  return isJsonObject(value) ? value.get('resource_metadata') : undefined;
}

/**
 * Metadata in replies: a single level, with all values as text as Python prints them. Keys of nested objects are joined, the first
 * two by a dot and the others by colons, as in Ceilometer.
 */
export function flatMetadata(metadata: JsonValue | undefined): Readonly<Record<string, string>> {
  if (!isJsonObject(metadata)) return {};
  return Object.fromEntries(
    Array.from(pairsOf(metadata), ([key, value]) => [key.replaceAll('.', ':').replace(':', '.'), printed(value)]),
  );
}

function* pairsOf(object: JsonObject, prefix = ''): Generator<readonly [string, JsonValue]> {
  for (const [key, value] of object)
    if (isJsonObject(value)) yield* pairsOf(value, `${prefix}${key}.`);
    else yield [prefix + key, value];
}

function printed(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value instanceof JsonNumber) return printedNumber(value.text);
  if (isJsonObject(value))
    return `{${Array.from(value, ([key, item]) => `${quoted(key)}: ${inner(item)}`).join(', ')}}`;
  return `[${value.map(inner).join(', ')}]`;
}

function inner(value: JsonValue): string {
  return typeof value === 'string' ? quoted(value) : printed(value);
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

/** Integers keep their digits; other numbers are floats. */
function printedNumber(text: string): string {
  if (/^-?\d+$/.test(text)) return text === '-0' ? '0' : text;
  const value = Number(text);
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16))
    return value.toExponential().replace(/e([+-])(\d)$/, (_, sign: string, digit: string) => `e${sign}0${digit}`);
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
