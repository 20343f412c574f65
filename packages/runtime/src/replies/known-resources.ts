import type { Metadata, MetadataValue } from '@nephoscope/core';
import type { Plugging } from '@nephoscope/core/pollster';
import { copyMetadata, isCopyOf } from '@nephoscope/message';

import { isPlainObject } from './item.js';
import { readPlugging } from './plugging.js';

/** The common parts of a resource's counters. */
export interface KnownResource {
  /** The instance's metadata with the pollster's additions; frozen. */
  readonly metadata: Metadata;
  /** Approximate size of its JSON text in bytes. */
  readonly size: number;
  /** The latest marks, of this poll or the previous one. */
  readonly plugging: Plugging | undefined;
}

interface Remembered extends KnownResource {
  /** Number of keys in which the metadata differ from the instance's. */
  readonly own: number;
  /** Approximate size of the additions in bytes. */
  readonly bytes: number;
  poll: number;
}

// Limit for a pollster's additions to the resources of one instance: several hundred devices. Beyond it, metadata are
// merged again each time.
const mostRemembered = 64 * 1024;

// By their metadata, which all pollsters of an instance share.
const instances = new WeakMap<Metadata, KnownResource>();

function instanceOf(metadata: Metadata): KnownResource {
  let instance = instances.get(metadata);
  if (instance === undefined)
    instances.set(metadata, (instance = { metadata, size: copyMetadata(metadata).size, plugging: undefined }));
  return instance;
}

/**
 * The resources of one instance in one pollster's last poll. Metadata with equal content become the same object
 * again, so that their text is made and signed once.
 */
export class KnownResources {
  #known: Map<string, Remembered> | undefined;
  #poll = 0;
  #bytes = 0;
  #instance: KnownResource | undefined;

  /** Many pollsters add nothing to the instance's metadata: then there is nothing to keep. */
  get isEmpty(): boolean {
    return this.#known === undefined;
  }

  /**
   * Begins a poll. Resources that were not in the previous one are discarded.
   *
   * @param base the metadata of the instance, which cannot change
   */
  begin(base: Metadata): void {
    if (this.#instance?.metadata !== base) {
      this.#instance = instanceOf(base);
      this.#known = undefined;
    } else if (this.#known !== undefined)
      for (const [id, { poll }] of this.#known) if (poll !== this.#poll) this.#known.delete(id);
    this.#poll += 1;
    this.#bytes = 0;
  }

  /**
   * A resource in the current poll.
   *
   * @throws COUNTER_INVALID for metadata that JSON cannot represent or that do not fit into a message, and for
   *   invalid marks
   */
  find(resourceId: string, added: unknown, plugging: unknown): KnownResource {
    const instance = this.#instance as KnownResource;
    if (added === undefined && plugging === undefined) return instance;
    const known = this.#known?.get(resourceId);
    // One item of a resource may have marks, and the next one none.
    const marks = plugging === undefined ? known?.plugging : readPlugging(plugging, known?.plugging);
    const isKnown = known !== undefined && isMerged(known, instance.metadata, added);
    if (isKnown && known.plugging === marks)
      return known.poll === this.#poll ? known : this.#remember(resourceId, known);
    const { metadata, size, own, bytes } = isKnown ? known : merge(instance, added);
    return this.#remember(resourceId, { metadata, size, plugging: marks, own, bytes, poll: 0 });
  }

  #remember(resourceId: string, resource: Remembered): KnownResource {
    this.#known ??= new Map();
    this.#bytes += resourceId.length + resource.bytes + bytesOf(resource.plugging);
    if (this.#bytes > mostRemembered) this.#known.delete(resourceId);
    else {
      resource.poll = this.#poll;
      this.#known.set(resourceId, resource);
    }
    return resource;
  }
}

function bytesOf(marks: Plugging = []): number {
  let bytes = 0;
  for (const { length } of marks) bytes += length;
  return bytes;
}

/** Whether merging the given value, whatever it is, would make the same metadata again. */
function isMerged({ metadata, own }: Remembered, base: Metadata, given: unknown): boolean {
  if (given === undefined) return own === 0;
  if (!isPlainObject(given)) return false;
  let found = 0;
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(metadata, key) || !isCopyOf(metadata[key] as MetadataValue, given[key])) return false;
    if (metadata[key] !== base[key]) found += 1;
  }
  return found === own;
}

function merge({ metadata: base, size }: KnownResource, given: unknown): Omit<Remembered, 'plugging' | 'poll'> {
  if (given === undefined) return { metadata: base, size, own: 0, bytes: 0 };
  const { value: added, size: bytes } = copyMetadata(given);
  // Both are frozen at every level, so their contents are shared.
  const metadata = Object.freeze({ ...base, ...added });
  const own = Object.keys(added).filter((key) => metadata[key] !== base[key]).length;
  return { metadata, size: copyMetadata(metadata).size, own, bytes };
}
