import { NephoscopeError } from '@nephoscope/core';
import type { Metadata, MetadataValue } from '@nephoscope/core';
import { compareDecimals, isJsonObject, JsonNumber, parseJson } from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';
import { parseDecimal } from '@nephoscope/statistics';
import type { Decimal } from '@nephoscope/statistics';

/**
 * The number in a text, for a counter: whole ones as bigint.
 *
 * @throws NUMBER_INVALID if it is not a number, or 64-bit floating point would round it
 */
export function exactNumber(text: string): number | bigint {
  const { digits, scale } = decimalOf(text);
  if (scale === 0) return digits;
  const number = Number(text);
  if (Number.isFinite(number) && compareDecimals(String(number), text) === 0) return number;
  throw new NephoscopeError(
    'NUMBER_INVALID',
    `${text.slice(0, 60)} cannot be sent exactly: a number with a fraction may have about 15 digits`,
  );
}

function decimalOf(text: string): Decimal {
  try {
    return parseDecimal(text);
  } catch (cause) {
    throw new NephoscopeError(
      'NUMBER_INVALID',
      `'${text.slice(0, 60)}' is not a number: write digits, such as 42, -1.5 or 1e3`,
      { cause },
    );
  }
}

/** @throws METADATA_INVALID if the text is not a JSON object, NUMBER_INVALID */
export function exactMetadata(text: string): Metadata {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new NephoscopeError('METADATA_INVALID', 'the metadata is not JSON: write it as \'{"key": "value"}\'', {
      cause: error,
    });
  }
  if (!isJsonObject(value))
    throw new NephoscopeError(
      'METADATA_INVALID',
      'the metadata is not an object: write it as \'{"key": "value"}\'',
    );
  return metadataValue(value) as Metadata;
}

function metadataValue(value: JsonValue): MetadataValue {
  if (value instanceof JsonNumber) return exactNumber(value.text);
  if (isJsonObject(value))
    return Object.fromEntries(Array.from(value, ([key, item]) => [key, metadataValue(item)]));
  return Array.isArray(value) ? value.map(metadataValue) : (value as string | boolean | null);
}
