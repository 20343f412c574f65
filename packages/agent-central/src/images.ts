import type { CloudList, Metadata } from '@nephoscope/core';
import { z } from 'zod';

import type { Item } from './item.js';
import { pageSize } from './listed-counters.js';

/** Options of the pollsters that read images. */
export const imageOptions = z.strictObject({
  interface: z
    .enum(['public', 'internal', 'admin'])
    .default('internal')
    .describe('Which endpoint of the service `image` is asked.'),
});

export type ImageOptions = z.output<typeof imageOptions>;

export const imagesOf = (options: ImageOptions): CloudList => ({
  service: { type: 'image', interface: options.interface },
  path: '/v2/images',
  key: 'images',
  query: pageSize,
});

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

// Of every image, and not its properties. Where the data lies may hold a password, and is nobody's business.
const known: ReadonlySet<string> = new Set([
  ...described,
  ...['id', 'owner', 'os_hidden', 'os_hash_algo', 'os_hash_value', 'stores'],
  ...['self', 'file', 'schema', 'direct_url', 'locations'],
]);

/** What counters of an image say of it; its own properties, which the v2 API puts beside the others, are in `properties`. */
export function imageMetadata(image: Item): Metadata {
  return { ...image.pick(described), properties: image.pick(image.keys.filter((key) => !known.has(key))) };
}
