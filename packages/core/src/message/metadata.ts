import type { Metadata, MetadataValue } from '../counter.js';
import { NephoscopeError } from '../errors.js';
import { JsonNumber, formatJson, isWellFormed, maxJsonDepth } from './json.js';
import type { JsonObject, JsonValue } from './json.js';
import { compareCodePoints } from './key-order.js';
import type { FormWriter } from './signature-form.js';

/**
 * What a message carries of its counter's metadata: the JSON text, and the field `resource_metadata` in the signed text.
 *
 * @throws COUNTER_INVALID for a value that JSON cannot hold, with its path
 */
export function writeMetadata(
  metadata: Metadata,
  writer: FormWriter,
): { readonly json: string; readonly signed: string } {
  const value = jsonObject(metadata, 'resource_metadata', 2);
  return { json: formatJson(value), signed: writer.field('resource_metadata', value) };
}

/** Whether nothing in it can change. */
export function isDeepFrozen(value: MetadataValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeepFrozen);
}

function jsonValue(value: MetadataValue, path: string, depth: number): JsonValue {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') {
    if (!isWellFormed(value)) throw invalid(path, 'holds half a surrogate pair');
    return value;
  }
  if (typeof value === 'bigint' || Number.isFinite(value)) return new JsonNumber(String(value));
  // Whoever is not held to the types can bring NaN, undefined or a function here.
  if (typeof value !== 'object') throw invalid(path, `is ${String(value).slice(0, 40)}`);
  if (depth > maxJsonDepth) throw invalid(path.slice(0, 100), `is nested more than ${maxJsonDepth} deep`);
  if (isArray(value)) return value.map((item, index) => jsonValue(item, `${path}[${index}]`, depth + 1));
  return jsonObject(value, path, depth);
}

/** Keys in signing order, so that who verifies the message finds them sorted. */
function jsonObject(metadata: Metadata, path: string, depth: number): JsonObject {
  const object = new Map<string, JsonValue>();
  for (const key of Object.keys(metadata).sort(compareCodePoints)) {
    if (!isWellFormed(key)) throw invalid(path, 'has a key with half a surrogate pair');
    object.set(key, jsonValue(metadata[key] as MetadataValue, `${path}.${key}`, depth + 1));
  }
  return object;
}

function isArray(value: object): value is readonly MetadataValue[] {
  return Array.isArray(value);
}

function invalid(path: string, what: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', `${path} ${what}, which JSON cannot hold`);
}
