import { parse } from 'lossless-json';

/** JSON of a service. Integers beyond 2^53 are `bigint`. */
export type JsonValue =
  string | number | bigint | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

/** How many objects and arrays may stand in one another. */
const maxDepth = 64;

// Only such an answer pays for a parser that keeps every digit.
const longNumber = /[[:,\s]-?\d{16}/;

/**
 * Reads a service's answer. A key `__proto__` is left out: whoever copies the object must not change what it inherits.
 *
 * @throws SyntaxError for a text that is no JSON, or nested more than 64 levels deep
 */
export function parseJson(text: string): JsonValue {
  let value: unknown;
  try {
    value = longNumber.test(text) ? parse(text, null, numberOf) : (JSON.parse(text) as unknown);
  } catch (error) {
    throw error instanceof RangeError ? new SyntaxError(tooDeep) : error;
  }
  harmless(value, 1);
  return value as JsonValue;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that is there and a text; undefined otherwise. */
export function textOf(object: JsonValue | undefined, key: string): string | undefined {
  const value = fieldOf(object, key);
  return typeof value === 'string' ? value : undefined;
}

/** What the object has of its own under the key. */
export function fieldOf(object: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The objects of a list; nothing when it is no list. */
export function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : [];
}

const tooDeep = `more than ${maxDepth} objects and arrays in one another`;

function numberOf(digits: string): number | bigint {
  const number = Number(digits);
  return /^-?\d+$/.test(digits) && !Number.isSafeInteger(number) ? BigInt(digits) : number;
}

function harmless(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) throw new SyntaxError(tooDeep);
  if (Array.isArray(value)) {
    for (const item of value) harmless(item, depth + 1);
    return;
  }
  if (Object.hasOwn(value, '__proto__')) Reflect.deleteProperty(value, '__proto__');
  for (const item of Object.values(value)) harmless(item, depth + 1);
}
