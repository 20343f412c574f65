import { describeError, isMissing, isNephoscopeError } from '@nephoscope/core';
import type { Metadata, Meter, Missing } from '@nephoscope/core';
import type { CloudFigure, MissingFigure } from '@nephoscope/core/pollster';

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
 * One counter for each item of a listing, made when it is read. An invalid item affects only itself, and is a missing
 * figure.
 *
 * @param measure throws CLOUD_ITEM
 */
export async function* listedCounters(
  items: AsyncIterable<Metadata>,
  { name: meter }: Pick<Meter, 'name'>,
  measure: (item: Item) => Measured,
): AsyncGenerator<CloudFigure | MissingFigure, void, undefined> {
  for await (const fields of items) {
    const item = new Item(fields);
    const measured = understood(() => ({ resourceId: item.text('id'), volume: 1, ...measure(item) }));
    if ('missing' in measured) {
      yield { meter, volume: measured, resourceId: nameOf(item) };
      continue;
    }
    const { resourceId, volume, projectId, userId = null, metadata } = measured;
    if (typeof volume === 'object') yield { meter, volume, resourceId };
    else yield { meter, volume, resourceId, projectId, userId, metadata };
  }
}

/** The result of `read`, or why the item is invalid. */
export function understood<T extends object>(read: () => T): T | Missing {
  try {
    return read();
  } catch (error) {
    if (!isNephoscopeError(error, 'CLOUD_ITEM')) throw error;
    return { missing: 'error', detail: describeError(error) };
  }
}

/** Missing figures of all these meters for a resource. */
export function missingFigures(
  meters: readonly Pick<Meter, 'name'>[],
  volume: Missing,
  resourceId: string,
): readonly MissingFigure[] {
  return meters.map(({ name: meter }) => ({ meter, volume, resourceId }));
}

function nameOf(item: Item): string {
  const named = understood(() => ({ name: item.optionalText('id') ?? item.optionalText('name') }));
  return isMissing(named) ? 'one without an id' : (named.name ?? 'one without an id');
}
