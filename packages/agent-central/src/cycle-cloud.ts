import { orAborted } from '@nephoscope/async';
import type { Metadata } from '@nephoscope/core';
import type { Cloud, CloudHead, CloudList, CloudService } from '@nephoscope/core/pollster';
import type { Session } from '@nephoscope/openstack';

import { ItemBudget, SharedListing } from './shared-listing.js';

/** The part of a cloud session that a cycle needs. */
export type CloudSession = Pick<Session, 'list' | 'head' | 'endpoint' | 'away'>;

// About 10 MB of images, ports or volumes.
const heldItems = 5_000;

/**
 * The cloud within one cycle. Equal listings are shared by all their readers: each page is requested once, and its
 * items are held for later readers, up to 5,000 items in total. Beyond that, the readers of a listing advance
 * together page by page, and a later reader gets a listing of its own.
 */
export class CycleCloud implements Cloud {
  readonly #session: CloudSession;
  readonly #signal: AbortSignal;
  readonly #budget = new ItemBudget(heldItems);
  readonly #listings = new Map<string, SharedListing<Metadata>>();

  // Pollsters share it, so none may replace the methods that others call.
  static {
    Object.freeze(this.prototype);
  }

  /** @param signal the cycle's deadline */
  constructor(session: CloudSession, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
    Object.freeze(this);
  }

  async *list(list: CloudList): AsyncGenerator<Metadata, void, undefined> {
    this.#signal.throwIfAborted();
    const key = keyOf(list);
    let listing = this.#listings.get(key);
    if (listing === undefined || !listing.isWhole) {
      listing = new SharedListing(this.#session.list(list, this.#signal), this.#budget);
      this.#listings.set(key, listing);
    }
    yield* listing.read(this.#signal);
  }

  head(service: CloudService, path: string): Promise<CloudHead> {
    const signal = this.#signal;
    return orAborted(this.#session.head(service, path, { signal }), signal);
  }

  endpoint(service: CloudService): Promise<string> {
    return orAborted(this.#session.endpoint(service, this.#signal), this.#signal);
  }
}

/** The same for equal requests, whatever the order of their queries and headers. */
function keyOf({ service, path, key, query = {}, headers = {} }: CloudList): string {
  const sorted = (fields: Readonly<Record<string, string>>) => Object.entries(fields).sort();
  const { type, interface: chosen = null, usualInterface: usual = null } = service;
  return JSON.stringify([type, chosen, usual, path, key, sorted(query), sorted(headers)]);
}
