import type { Metadata, MetadataValue } from '@nephoscope/core';
import { exampleNotification } from '@nephoscope/testing';

import { count } from './count.js';

const sound = {
  initiator: { id: 'u-1', project_id: 'p-1' },
  target: { id: 'p-2', action: 'put', metadata: { container: 'c' } },
  measurements: [{ result: 1, metric: { name: 'storage.objects.incoming.bytes', unit: 'B' } }],
};
const measured = (result: MetadataValue, metric: MetadataValue = sound.measurements[0]!.metric) => ({
  measurements: [{ result, metric }],
});
const noText: readonly MetadataValue[] = [true, [], {}, 0, 2n ** 70n];
const noObject: readonly MetadataValue[] = [true, 'x', 7, ['x']];

const cases: readonly (readonly [string, Metadata])[] = [
  ...noObject.map((value) => ['payload.initiator', { initiator: value }] as const),
  ...[null, ...noObject].map((value) => ['payload.target', { target: value }] as const),
  ...[null, '', ...noText].map((value) => ['payload.target.id', { target: { id: value } }] as const),
  ...noText.map((value) => ['payload.initiator.id', { initiator: { id: value } }] as const),
  ...noText.map((value) => ['payload.initiator.project_id', { initiator: { project_id: value } }] as const),
  ...noObject
    .filter((value) => !Array.isArray(value))
    .map((value) => ['payload.measurements', { measurements: value }] as const),
  ...[null, 'x', 7, ['x']].map((value) => ['payload.measurements[0]', { measurements: [value] }] as const),
  ...[null, 'x', 7].map((value) => ['payload.measurements[0].metric', measured(1, value)] as const),
  ...[null, '', 7].map(
    (name) => ['payload.measurements[0].metric.name', measured(1, { name, unit: 'B' })] as const,
  ),
  ...[null, '', '1', -1, true, [], {}].map(
    (value) => ['payload.measurements[0].result', measured(value)] as const,
  ),
  ["in 'KB'", measured(1, { name: 'storage.objects.incoming.bytes', unit: 'KB' })],
  ['storage.objects.incoming.bytes twice', { measurements: [...sound.measurements, ...sound.measurements] }],
  ['payload.target.metadata', { target: { id: 'p-2', metadata: 7 } }],
];

it.each(cases)('refuses invalid fields, and names %s in the error (%#)', (field, changes) => {
  expect(() => count(given(changes))).toThrow(
    expect.objectContaining({
      code: 'NOTIFICATION_FIELD',
      message: expect.stringContaining(field) as string,
    }) as Error,
  );
});

it('counts a valid notification', () => {
  expect(count(given({}))).toEqual([expect.objectContaining({ volume: 1, resourceId: 'p-2', projectId: 'p-1' })]);
});

function given(changes: Metadata) {
  return exampleNotification({ eventType: 'objectstore.http.request', payload: { ...sound, ...changes } });
}
