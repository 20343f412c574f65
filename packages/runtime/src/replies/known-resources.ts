import type { Metadata, Plugging } from '@nephoscope/core';
import { copyMetadata, isCopyOf } from '@nephoscope/message';

import { readPlugging } from './plugging.js';

/** What counters of one resource say of it. */
export interface KnownResource {
  /** The instance's metadata, and what the pollster added; it cannot change. */
  readonly metadata: Metadata;
  /** About the bytes of their JSON text. */
  readonly size: number;
  readonly plugging: Plugging | undefined;
}

interface Remembered extends KnownResource {
  readonly base: Metadata;
  /** As the pollster gave it. */
  readonly added: Metadata | undefined;
  poll: number;
}

// Bytes of what a pollster adds for the resources of one instance: some hundreds of devices. What is beyond is made anew each time.
const mostRemembered = 64 * 1024;

/**
 * The resources of one instance that one pollster told of in its last poll. What it says of a resource again, equal in
 * content, is the same object again, so that its text is made and signed once.
 */
export class KnownResources {
  readonly #known = new Map<string, Remembered>();
  #poll = 0;
  #seen = 0;
  #bytes = 0;
  #instance: KnownResource | undefined;

  /**
   * Begins a poll. What was not told of in the one before is forgotten.
   *
   * @param base the metadata of the instance, which cannot change
   */
  begin(base: Metadata): void {
    if (this.#known.size > this.#seen)
      for (const [id, { poll }] of this.#known) if (poll !== this.#poll) this.#known.delete(id);
    this.#poll += 1;
    this.#seen = 0;
    this.#bytes = 0;
    if (this.#instance?.metadata !== base)
      this.#instance = { metadata: base, size: copyMetadata(base).size, plugging: undefined };
  }

  /**
   * A resource as it was told of now.
   *
   * @throws COUNTER_INVALID for metadata that JSON cannot hold or no message has room for, and marks that are none
   */
  find(resourceId: string, added: unknown, plugging: unknown): KnownResource {
    const instance = this.#instance as KnownResource;
    if (added === undefined && plugging === undefined) return instance;
    const known = this.#known.get(resourceId);
    const marks = readPlugging(plugging, known?.plugging);
    const isKnown = known?.base === instance.metadata && isSame(added, known.added);
    if (isKnown && known.plugging === marks) return this.#see(known);
    const remembered = isKnown
      ? { ...known, plugging: marks }
      : { ...merge(instance, added), base: instance.metadata, plugging: marks, poll: 0 };
    this.#bytes += resourceId.length + (added === undefined ? 0 : remembered.size - instance.size);
    if (this.#bytes > mostRemembered) return remembered;
    this.#known.set(resourceId, remembered);
    return this.#see(remembered);
  }

  #see(known: Remembered): KnownResource {
    if (known.poll !== this.#poll) this.#seen += 1;
    known.poll = this.#poll;
    return known;
  }
}

function isSame(given: unknown, known: Metadata | undefined): boolean {
  return known === undefined ? given === undefined : isCopyOf(known, given);
}

function merge(
  { metadata, size }: KnownResource,
  given: unknown,
): Pick<Remembered, 'metadata' | 'size' | 'added'> {
  if (given === undefined) return { metadata, size, added: undefined };
  const { value: added } = copyMetadata(given);
  const merged = copyMetadata({ ...metadata, ...added });
  return { metadata: merged.value, size: merged.size, added };
}
