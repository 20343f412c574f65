import type { MetadataValue } from '@nephoscope/core';
import { exampleNotification } from '@nephoscope/testing';

import { count, plugins } from './count.js';

const sound = {
  volume: { volume_id: 'v-1', tenant_id: 'p-1', user_id: 'u-1' },
  volumeSize: { volume_id: 'v-1', tenant_id: 'p-1', user_id: 'u-1', size: 1 },
  snapshotSize: { snapshot_id: 's-1', tenant_id: 'p-1', user_id: 'u-1', volume_size: 1 },
  backupSize: { backup_id: 'b-1', tenant_id: 'p-1', user_id: 'u-1', size: 1 },
};
const kinds = { volume: 'volume', volumeSize: 'volume', snapshotSize: 'snapshot', backupSize: 'backup' };
const figures = ['size', 'volume_size'];

const neither: MetadataValue[] = [true, false, [], ['x'], {}, { constructor: 1 }];
const noText: MetadataValue[] = [...neither, 0, 1, 2n ** 70n];
const noFigure: MetadataValue[] = [...neither, '1', '-1', -1, -(2n ** 70n)];

/** Plugin, field, and an invalid value. */
const cases = Object.entries(sound).flatMap(([name, fields]) =>
  Object.keys(fields).flatMap((key) =>
    [
      ...(figures.includes(key) ? noFigure : noText),
      ...(key === 'tenant_id' || key === 'user_id' ? [] : [null, '']),
    ].map((value) => ({ name: name as keyof typeof sound, key, value })),
  ),
);

it.each(cases)('$name refuses $value as $key, and names the field', ({ name, key, value }) => {
  const payload = { ...sound[name], [key]: value };
  const given = exampleNotification({ eventType: `${kinds[name]}.create.end`, payload });
  expect(() => count(given, [plugins[name]!])).toThrow(fieldError(`payload.${key}`));
});

it('accepts sizes beyond 2^53 exactly', () => {
  const payload = { ...sound.volumeSize, size: 2n ** 70n };
  const given = exampleNotification({ eventType: 'volume.resize.end', payload });
  expect(count(given, [plugins['volumeSize']!])[0]?.volume).toBe(2n ** 70n);
});

it('refuses an invalid timestamp', () => {
  const given = exampleNotification({
    eventType: 'volume.create.end',
    payload: sound.volumeSize,
    timestamp: 'yesterday',
  });
  expect(() => count(given)).toThrow(fieldError('timestamp'));
});

function fieldError(field: string): Error {
  return expect.objectContaining({
    code: 'NOTIFICATION_FIELD',
    message: expect.stringContaining(field) as string,
  }) as Error;
}
