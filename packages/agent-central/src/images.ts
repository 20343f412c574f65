import { isTimestamp } from '@nephoscope/core';
import type { Logger, Metadata, ServiceSettings } from '@nephoscope/core';
import { refusedOption } from '@nephoscope/core/options';
import type { Cloud } from '@nephoscope/core/pollster';
import { z } from 'zod';

import type { Item } from './item.js';
import { pageSize } from './listed-counters.js';

/** Options of previous versions for the pollsters that read images. */
export const imageOptions = z.strictObject({
  interface: refusedOption('is set once for all pollsters: write services.glance.interface'),
});

/**
 * All images, each once, of every visibility: by default glance leaves out community images of others, and hidden
 * images, which it lists only on request. An older glance refuses such a filter (400): then the listing without
 * `visibility`, and a separate one of community images, are all that it has.
 */
export async function* imagesOf(cloud: Cloud, glance: ServiceSettings): AsyncGenerator<Metadata, void, undefined> {
  const list = (query: Readonly<Record<string, string>>) =>
    cloud.list({
      service: { type: 'image', interface: glance.interface, usualInterface: 'internal' },
      path: '/v2/images',
      key: 'images',
      query: { ...query, ...pageSize },
    });
  const came = new Set<string>();
  for (const hidden of [{}, { os_hidden: 'true' }]) {
    for (const visibility of [{ visibility: 'all' }, {}, { visibility: 'community' }]) {
      let isKnown = true;
      try {
        for await (const image of list({ ...visibility, ...hidden })) {
          const id = Object.hasOwn(image, 'id') ? image['id'] : undefined;
          if (typeof id === 'string' && came.has(id)) continue;
          if (typeof id === 'string') came.add(id);
          yield image;
        }
      } catch (error) {
        const isPlain = !('visibility' in visibility) && !('os_hidden' in hidden);
        if (isPlain || (error as { readonly status?: unknown } | null)?.status !== 400) throw error;
        isKnown = false;
      }
      if (isKnown && visibility.visibility === 'all') break;
    }
  }
}

const described = [
  'name',
  'status',
  'visibility',
  'size',
  'virtual_size',
  'disk_format',
  'container_format',
  'min_disk',
  'min_ram',
  'protected',
  'checksum',
  'tags',
  'created_at',
  'updated_at',
] as const;

// Fields of every image, which are not its properties. The location of the data is left out, because it may contain a
// password.
const known: ReadonlySet<string> = new Set([
  ...described,
  ...['id', 'owner', 'os_hidden', 'os_hash_algo', 'os_hash_value', 'stores'],
  ...['self', 'file', 'schema', 'direct_url', 'locations'],
]);

const times: ReadonlySet<string> = new Set(['created_at', 'updated_at']);

function isWrongTime(image: Item, key: string): boolean {
  if (!times.has(key)) return false;
  const value = image.value(key);
  return value !== null && value !== '' && !isTimestamp(value);
}

/**
 * The metadata of an image's counters; its own properties, which the v2 API puts beside other fields, are in
 * `properties`. An invalid time is missing, and logged once per field.
 */
export function imageMetadata(logger: Logger): (image: Item) => Metadata {
  const told = new Set<string>();
  return (image) => {
    for (const key of described) {
      if (told.has(key) || !isWrongTime(image, key)) continue;
      told.add(key);
      logger.warn(
        { image: image.value('id') },
        `glance lists an image with an invalid time in '${key}': the field is left out`,
      );
    }
    return {
      ...Object.fromEntries(described.map((key) => [key, isWrongTime(image, key) ? null : image.value(key)])),
      properties: image.pick(image.keys.filter((key) => !known.has(key))),
    };
  };
}
