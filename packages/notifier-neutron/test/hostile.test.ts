import type { Metadata, MetadataValue } from '@nephoscope/core';
import { exampleNotification } from '@nephoscope/testing';

import { count } from './count.js';

const noText: readonly MetadataValue[] = [true, 0, 2n ** 70n, [], ['x'], {}, { constructor: 1 }];
const noObject: readonly MetadataValue[] = [true, 0, 2n ** 70n, 'x', [], ['x']];
const missing: readonly MetadataValue[] = [null, ''];
const port = { id: 'p-1', tenant_id: 't-1' };

const given = (payload: Metadata, change = 'create', context: Metadata = {}) =>
  exampleNotification({ eventType: `port.${change}.end`, payload, context });

/** A notification that cannot be counted, and the field that it is for. */
const cases = [
  ...[...noText, ...missing].map((id) => ({ bad: given({ port: { ...port, id } }), field: 'payload.port.id' })),
  ...noText.map((tenant_id) => ({
    bad: given({ port: { ...port, tenant_id } }),
    field: 'payload.port.tenant_id',
  })),
  ...noText.map((project_id) => ({
    bad: given({ port: { id: 'p-1', project_id } }),
    field: 'payload.port.project_id',
  })),
  ...noText.map((user_id) => ({ bad: given({ port }, 'update', { user_id }), field: 'context.user_id' })),
  ...[...noObject, null].map((value) => ({ bad: given({ port: value }), field: 'payload.port' })),
  ...noObject.map((value) => ({ bad: given({ port: value, port_id: 'p-1' }, 'delete'), field: 'payload.port' })),
  { bad: given({}), field: 'payload.port' },
  { bad: given({}, 'delete'), field: 'payload.port_id' },
  ...[...noText, ...missing].map((port_id) => ({ bad: given({ port_id }, 'delete'), field: 'payload.port_id' })),
  ...[true, 0, 'x', '', {}].map((ports) => ({ bad: given({ ports }), field: 'payload.ports' })),
  ...[...noObject, null].map((item) => ({ bad: given({ ports: [port, item] }), field: 'payload.ports[1]' })),
  ...[...noText, ...missing].map((id) => ({ bad: given({ ports: [{ id }] }), field: 'payload.ports[0].id' })),
  { bad: { ...given({ port }), timestamp: '22.11.2026' }, field: 'timestamp' },
];

it.each(cases)('refuses $bad.payload for $field', ({ bad, field }) => {
  expect(() => count(bad)).toThrow(fieldError(field));
});

it('knows no field that an object has by its nature', () => {
  const payload = JSON.parse(
    '{"port": {"id": "p-1", "__proto__": {"tenant_id": "t-1", "name": "x"}}}',
  ) as Metadata;
  const [counter] = count(given(payload));
  expect(counter?.projectId).toBeNull();
  expect(counter?.resourceMetadata['name']).toBeNull();
});

function fieldError(field: string): Error {
  return expect.objectContaining({
    code: 'NOTIFICATION_FIELD',
    message: expect.stringContaining(field) as string,
  }) as Error;
}
