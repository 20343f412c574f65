import type { Metadata, MetadataValue } from '@nephoscope/core';
import { counterLine, exampleNotification, handlerOf } from '@nephoscope/testing';

import { count, plugins } from './count.js';

const noText: readonly MetadataValue[] = [true, 0, 2n ** 70n, [], ['x'], {}, { constructor: 1 }];
const noObject: readonly MetadataValue[] = [true, 0, 2n ** 70n, 'x', [], ['x']];
const missing: readonly MetadataValue[] = [null, ''];
const port = { id: 'p-1', tenant_id: 't-1' };

const given = (payload: Metadata, change = 'create', context: Metadata = {}) =>
  exampleNotification({ eventType: `port.${change}.end`, payload, context });

/** A notification that cannot be counted, and the field that is the reason. */
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
  ...[...noObject, null].map((item) => ({ bad: given({ ports: [item] }), field: 'payload.ports[0]' })),
  ...[...noText, ...missing].map((id) => ({ bad: given({ ports: [{ id }] }), field: 'payload.ports[0].id' })),
  { bad: { ...given({ port }), timestamp: '22.11.2026' }, field: 'timestamp' },
];

it.each(cases)('refuses $bad.payload for $field', ({ bad, field }) => {
  expect(() => count(bad)).toThrow(fieldError(field));
});

it.each([null, {}, 'x', [], { id: null }, { id: '' }, { id: 7 }, { id: 'p-3', tenant_id: 5 }])(
  'keeps the other resources of a bulk creation if one is %j',
  (bad) => {
    for (const at of [0, 1, 2]) {
      const ports: MetadataValue[] = [port, { id: 'p-2', tenant_id: 't-2' }];
      ports.splice(at, 0, bad);
      const counters: string[] = [];
      const all = handlerOf(plugins['port']!).processNotification(given({ ports }));
      expect(() => {
        for (const counter of all) counters.push(counterLine(counter));
      }).toThrow(
        expect.objectContaining({
          code: 'NOTIFICATION_ITEMS',
          message: expect.stringMatching(`^1 of 3 are not counted: .*payload\\.ports\\[${at}\\]`) as string,
        }) as Error,
      );
      expect(counters).toEqual(
        ['p-1 of t-1 by null', 'p-2 of t-2 by null'].flatMap((resource) => [
          `port gauge 1 port, ${resource}`,
          `port.create delta 1 port, ${resource}`,
        ]),
      );
    }
  },
);

it('ignores inherited members of objects', () => {
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
