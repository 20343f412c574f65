import { parse } from 'lossless-json';

import { AnswerRefused } from './answer-limits.js';

/** JSON of a service. Integers beyond 2^53 are `bigint`. */
export type JsonValue =
  string | number | bigint | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

// Only such a text needs the slower parser that keeps every digit.
const longNumber = /[[:,\s]-?\d{16}/;

/**
 * Parses a JSON text that was found small enough by a {@link JsonScanner}. A key `__proto__` is left out, so that
 * copying the object does not change what it inherits.
 *
 * @throws AnswerRefused if an object in it has a duplicate key with different values
 */
export function parseSmallJson(text: string): JsonValue {
  const value: unknown = longNumber.test(text) ? parseExactly(text) : JSON.parse(text);
  harmless(value);
  return value as JsonValue;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that is a string; undefined otherwise. */
export function textOf(object: JsonValue | undefined, key: string): string | undefined {
  const value = fieldOf(object, key);
  return typeof value === 'string' ? value : undefined;
}

/** The object's own property of that key. */
export function fieldOf(object: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The objects of a list; empty if it is not a list. */
export function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : [];
}

function parseExactly(text: string): unknown {
  try {
    return parse(text, null, numberOf);
  } catch (error) {
    // Everything else was refused before. The error's own text would quote the key.
    throw new AnswerRefused('the answer has an object that says two things under one key', { cause: error });
  }
}

function numberOf(digits: string): number | bigint {
  const number = Number(digits);
  return /^-?\d+$/.test(digits) && !Number.isSafeInteger(number) ? BigInt(digits) : number;
}

function harmless(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) Reflect.deleteProperty(value, '__proto__');
  for (const item of Object.values(value)) harmless(item);
}
