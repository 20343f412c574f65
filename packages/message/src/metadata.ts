import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Metadata, MetadataValue } from '@nephoscope/core';

import { maxDigitKeys, maxMetadataValues, maxMeteringLineBytes, maxNumberLength } from './field-rules.js';
import { JsonNumber, formatJson, isDigits, maxJsonDepth } from './json.js';
import type { JsonObject, JsonValue } from './json.js';
import { compareCodePoints } from './key-order.js';
import type { FormWriter } from './signature-form.js';

/**
 * A counter's metadata as in its message: the JSON text, and the field `resource_metadata` of the signed text.
 *
 * @throws COUNTER_INVALID for a value that JSON cannot represent, with its path, and for more than fits into a
 *   message
 */
export function writeMetadata(
  metadata: Metadata,
  writer: FormWriter,
): { readonly json: string; readonly signed: string } {
  const value = jsonObject(metadata, 'resource_metadata', 2, newBudget());
  try {
    return { json: formatJson(value), signed: writer.field('resource_metadata', value) };
  } catch (error) {
    throw new NephoscopeError('COUNTER_INVALID', `resource_metadata cannot be signed: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** Whether it cannot change: plain objects without getters, frozen at every level. */
export function isDeepFrozen(value: MetadataValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (!Object.isFrozen(value) || !isPlain(value)) return false;
  return Object.values(Object.getOwnPropertyDescriptors(value)).every(
    (property) => 'value' in property && isDeepFrozen(property.value as MetadataValue),
  );
}

/**
 * A copy of a plugin's metadata, frozen at every level. Any code in it (getters, proxies) runs here, once.
 *
 * @returns the copy, and a lower bound of the size of its JSON text in bytes
 * @throws COUNTER_INVALID for what JSON cannot represent, with its path, and for more than fits into a message
 */
export function copyMetadata(given: unknown): { readonly value: Metadata; readonly size: number } {
  const path = 'resource_metadata';
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid(path, 'is not an object');
  const budget = newBudget();
  const value = frozenCopy(given, path, 2, budget) as Metadata;
  return { value, size: maxMeteringLineBytes - budget.bytes };
}

/** Whether a copy of the given value, whatever it is, would be equal to this one. */
export function isCopyOf(copy: MetadataValue, given: unknown): boolean {
  if (typeof copy !== 'object' || copy === null) return copy === given;
  if (typeof given !== 'object' || given === null || !isPlain(given)) return false;
  // Plain loops, because an agent compares every counter of a cycle.
  if (isArray(copy)) {
    if (!Array.isArray(given) || given.length !== copy.length) return false;
    for (let index = 0; index < copy.length; index++)
      if (!isCopyOf(copy[index] as MetadataValue, (given as unknown[])[index])) return false;
    return true;
  }
  if (Array.isArray(given)) return false;
  const keys = Object.keys(given);
  if (keys.length !== Object.keys(copy).length) return false;
  for (const key of keys)
    if (
      !Object.hasOwn(copy, key) ||
      !isCopyOf(copy[key] as MetadataValue, (given as Record<string, unknown>)[key])
    )
      return false;
  return true;
}

/** The room that is left in a message. */
interface Budget {
  bytes: number;
  values: number;
  digitKeys: number;
}

function newBudget(): Budget {
  return { bytes: maxMeteringLineBytes, values: maxMetadataValues, digitKeys: maxDigitKeys };
}

function frozenCopy(value: unknown, path: string, depth: number, budget: Budget): MetadataValue {
  spendValue(budget);
  if (typeof value === 'string') spend(value.length + 2, budget);
  else if (typeof value === 'object' && value !== null) {
    if (depth > maxJsonDepth) throw invalid(path.slice(0, 100), `is nested more than ${maxJsonDepth} deep`);
    if (Array.isArray(value)) {
      spend(value.length * 2, budget);
      return Object.freeze(
        Array.from(value as unknown[], (item, index) => frozenCopy(item, `${path}[${index}]`, depth + 1, budget)),
      );
    }
    if (!isPlain(value)) throw invalid(path, 'is not a plain object');
    // Object.fromEntries, because `__proto__` is an ordinary key.
    return Object.freeze(
      Object.fromEntries(
        Object.keys(value).map((key) => {
          spend(key.length + 4, budget);
          spendKey(key, budget);
          const item = (value as Record<string, unknown>)[key];
          return [key, frozenCopy(item, `${path}.${key}`, depth + 1, budget)];
        }),
      ),
    );
  } else if (typeof value === 'bigint') {
    const digits = String(value).length;
    if (digits > maxNumberLength) throw invalid(path, `is a number of more than ${maxNumberLength} digits`);
    spend(digits, budget);
  } else if (value !== null && typeof value !== 'boolean' && !Number.isFinite(value))
    throw invalid(path, `is ${describeError(value).slice(0, 40)}`);
  return value as MetadataValue;
}

function spend(bytes: number, budget: Budget): void {
  budget.bytes -= bytes;
  if (budget.bytes < 0) throw tooMuch(`the ${maxMeteringLineBytes} bytes of a message`);
}

function spendValue(budget: Budget): void {
  budget.values -= 1;
  // The object itself counts as one too.
  if (budget.values < -1) throw tooMuch(`${maxMetadataValues} values`);
}

function spendKey(key: string, budget: Budget): void {
  if (isDigits(key) && --budget.digitKeys < 0) throw tooMuch(`${maxDigitKeys} keys that are digits alone`);
}

function tooMuch(than: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', `resource_metadata is more than ${than}`);
}

/** An array or an object without a class. A Date, a Map or similar must be written as text by the plugin. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value) as object | null;
  // Of any realm: its Object.prototype is the one without a prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function jsonValue(value: MetadataValue, path: string, depth: number, budget: Budget): JsonValue {
  spendValue(budget);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw invalid(path, 'holds half a surrogate pair');
    return value;
  }
  if (typeof value === 'bigint' || Number.isFinite(value)) {
    const digits = String(value);
    if (digits.length > maxNumberLength) throw invalid(path, `is a number of more than ${maxNumberLength} digits`);
    return new JsonNumber(digits);
  }
  // Untyped code may pass NaN, undefined or a function here.
  if (typeof value !== 'object') throw invalid(path, `is ${String(value).slice(0, 40)}`);
  if (depth > maxJsonDepth) throw invalid(path.slice(0, 100), `is nested more than ${maxJsonDepth} deep`);
  if (!isPlain(value)) throw invalid(path, 'is not a plain object');
  // Array.from does not skip holes.
  if (isArray(value))
    return Array.from(value, (item, index) => jsonValue(item, `${path}[${index}]`, depth + 1, budget));
  return jsonObject(value, path, depth, budget);
}

/** Keys in signing order, so that a verifier finds them sorted. */
function jsonObject(metadata: Metadata, path: string, depth: number, budget: Budget): JsonObject {
  const object = new Map<string, JsonValue>();
  for (const key of Object.keys(metadata).sort(compareCodePoints)) {
    if (!key.isWellFormed()) throw invalid(path, 'has a key with half a surrogate pair');
    spendKey(key, budget);
    object.set(key, jsonValue(metadata[key] as MetadataValue, `${path}.${key}`, depth + 1, budget));
  }
  return object;
}

function isArray(value: object): value is readonly MetadataValue[] {
  return Array.isArray(value);
}

function invalid(path: string, what: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', `${path} ${what}, which JSON cannot hold`);
}
