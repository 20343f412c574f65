import type { Metadata, MetadataValue } from '@nephoscope/core';
import { exampleNotification } from '@nephoscope/testing';

import { count, plugins } from './count.js';

const neither: readonly MetadataValue[] = [true, false, [], ['x'], {}, { constructor: 1 }];
const noText: readonly MetadataValue[] = [...neither, 0, 1, 2n ** 70n];
const noFigure: readonly MetadataValue[] = [...neither, '1', '', -1, -(2n ** 70n)];
const missing: readonly MetadataValue[] = [null, ''];

const image = { id: 'i-1', owner: 'p-1', size: 1 };
const send = {
  image_id: 'i-1',
  owner_id: 'p-1',
  receiver_tenant_id: 'p-2',
  receiver_user_id: 'u-2',
  bytes_sent: 1,
};

/** Invalid values of the field in the plugin's notification. */
const cases = [
  ...['image', 'imageCrud', 'imageSize'].flatMap((name) => [
    ...of(name, image, 'id', [...noText, ...missing]),
    ...of(name, image, 'owner', noText),
  ]),
  ...of('imageSize', image, 'size', noFigure),
  ...['imageDownload', 'imageServe'].flatMap((name) => [
    ...of(name, send, 'image_id', [...noText, ...missing]),
    ...of(name, send, 'bytes_sent', [...noFigure, null]),
  ]),
  ...of('imageServe', send, 'owner_id', noText),
  ...of('imageDownload', send, 'receiver_tenant_id', noText),
  ...of('imageDownload', send, 'receiver_user_id', noText),
];

it.each(cases)('$name refuses $payload for $key, and names the field', ({ name, key, payload }) => {
  expect(() => count(given(payload), [plugins[name]!])).toThrow(fieldError(`payload.${key}`));
});

it('refuses an image without the size field, but accepts null, which means that there is no size yet', () => {
  expect(() => count(given({ id: 'i-1' }), [plugins['imageSize']!])).toThrow(fieldError('payload.size'));
  expect(count(given({ id: 'i-1', size: null }), [plugins['imageSize']!])).toEqual([]);
});

function of(name: string, sound: Metadata, key: string, values: readonly MetadataValue[]) {
  return values.map((value) => ({ name, key, payload: { ...sound, [key]: value } }));
}

function given(payload: Metadata) {
  return exampleNotification({ eventType: 'bytes_sent' in payload ? 'image.send' : 'image.update', payload });
}

function fieldError(field: string): Error {
  return expect.objectContaining({
    code: 'NOTIFICATION_FIELD',
    message: expect.stringContaining(field) as string,
  }) as Error;
}
