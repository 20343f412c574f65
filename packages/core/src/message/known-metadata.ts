import type { JsonObject, KnownMember } from './json.js';
import { RepeatedObject } from './repeated-object.js';

interface Known {
  readonly text: string;
  readonly value: RepeatedObject;
}

// Some resources of a host are read one after the other, and each for two dozen meters.
const maxResources = 4_096;
// A few large ones must not fill the memory.
const maxTextLength = 4_096;

/**
 * The metadata of the resources that were read last. All messages of a resource carry the same, and it is the larger
 * part of each.
 */
export class KnownMetadata implements KnownMember {
  readonly key = 'resource_metadata';
  readonly #byResource = new Map<string, Known>();

  recall(
    before: JsonObject,
    text: string,
    at: number,
  ): { readonly value: JsonObject; readonly length: number } | undefined {
    const resource = before.get('resource_id');
    if (typeof resource !== 'string') return undefined;
    const known = this.#byResource.get(resource);
    // Compared as a slice: `startsWith` goes character by character.
    if (known === undefined || text.slice(at, at + known.text.length) !== known.text) return undefined;
    return { value: known.value, length: known.text.length };
  }

  learn(before: JsonObject, text: string, value: JsonObject): JsonObject {
    const resource = before.get('resource_id');
    if (typeof resource !== 'string' || text.length > maxTextLength) return value;
    if (this.#byResource.size >= maxResources) this.#byResource.clear();
    const known = { text: copyOf(text), value: new RepeatedObject(value) };
    this.#byResource.set(copyOf(resource), known);
    return known.value;
  }
}

/** V8 keeps the whole of a text as long as a slice of it is there. */
function copyOf(slice: string): string {
  return Buffer.from(slice).toString();
}
