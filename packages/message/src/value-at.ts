import { isJsonObject } from './json.js';
import type { JsonValue } from './json.js';

/**
 * What an object has under a key, or under keys joined by dots. A key may contain dots itself: the longest matching key is used
 * first.
 *
 * @returns undefined if there is none
 */
export function valueAt(value: JsonValue | undefined, path: string): JsonValue | undefined {
  if (!isJsonObject(value)) return undefined;
  const whole = value.get(path);
  if (whole !== undefined) return whole;
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const found = valueAt(value.get(path.slice(0, dot)), path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
