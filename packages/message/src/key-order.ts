import type { JsonObject, JsonValue } from './json.js';

/**
 * Compares by code point, which is also the order of the UTF-8 bytes. (JavaScript compares UTF-16 units, which puts
 * U+1F642 before U+FFFD.)
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates, which represent all code points from U+10000, come after the other units. */
function rank(unit: number): number {
  return (unit & 0xf800) === 0xd800 ? unit + 0x10000 : unit;
}

/** The entries in the order of their keys. Cheap if they are in this order already, as in our own messages. */
export function inKeyOrder(object: JsonObject): Iterable<readonly [string, JsonValue]> {
  let previous = '';
  for (const key of object.keys()) {
    if (compareCodePoints(previous, key) > 0) return sorted(object);
    previous = key;
  }
  return object;
}

const surrogate = /[\ud800-\udfff]/;

function sorted(object: JsonObject): Iterable<readonly [string, JsonValue]> {
  const keys = [...object.keys()];
  // Without surrogates, JavaScript's own order is that of the code points, and several times as fast.
  if (keys.some((key) => surrogate.test(key))) keys.sort(compareCodePoints);
  else keys.sort();
  return keys.map((key) => [key, object.get(key) as JsonValue]);
}
