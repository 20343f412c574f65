import { describeError, isMissing, isNephoscopeError } from '@nephoscope/core';
import type { CentralPollManager, CloudList, Counter, Metadata, Meter, Missing } from '@nephoscope/core';

import { Item } from './item.js';

/** A counter's fields for one item, besides the item's id. */
export interface Measured {
  /** Defaults to 1, for items metered by their existence. */
  readonly volume?: number | bigint | Missing;
  readonly projectId: string | null;
  readonly userId?: string | null;
  readonly metadata: Metadata;
}

/** Maximum page size of listings; the service may set a lower one. */
export const pageSize = { limit: '1000' } as const;

/**
 * One counter for each item of a listing, made at the moment it is read. An item that cannot be understood costs
 * nothing but itself, and is a gap.
 *
 * @param measure throws CLOUD_ITEM
 */
export async function* listedCounters(
  { cloud, clock, missing }: CentralPollManager,
  list: CloudList | AsyncIterable<Metadata>,
  meter: Meter,
  measure: (item: Item) => Measured,
): AsyncGenerator<Counter, void, undefined> {
  for await (const fields of 'service' in list ? cloud.list(list) : list) {
    const item = new Item(fields);
    const measured = understood(() => ({ resourceId: item.text('id'), volume: 1, ...measure(item) }));
    if ('missing' in measured) {
      missing(meter.name, measured, nameOf(item));
      continue;
    }
    const { resourceId, volume, projectId, userId = null, metadata } = measured;
    if (typeof volume === 'object') {
      missing(meter.name, volume, resourceId);
      continue;
    }
    yield counterOf(meter, { volume, resourceId, projectId, userId, metadata }, clock.now());
  }
}

/** A counter of the meter's name, type and unit. */
export function counterOf(
  { name, type, unit }: Meter,
  of: {
    readonly volume: number | bigint;
    readonly resourceId: string;
    readonly projectId: string | null;
    readonly userId: string | null;
    readonly metadata: Metadata;
  },
  timestamp: bigint,
): Counter {
  const { metadata, ...rest } = of;
  return { name, type, unit, timestamp, ...rest, resourceMetadata: metadata };
}

/** What `read` gives, or in its place why the item cannot be understood. */
export function understood<T extends object>(read: () => T): T | Missing {
  try {
    return read();
  } catch (error) {
    if (!isNephoscopeError(error, 'CLOUD_ITEM')) throw error;
    return { missing: 'error', detail: describeError(error) };
  }
}

function nameOf(item: Item): string {
  const named = understood(() => ({ name: item.optionalText('id') ?? item.optionalText('name') }));
  return isMissing(named) ? 'one without an id' : (named.name ?? 'one without an id');
}
