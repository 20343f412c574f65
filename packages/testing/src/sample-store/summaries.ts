import assert from 'node:assert/strict';

import type { ResourceQuery, ResourceSummary, SampleFilter } from '@nephoscope/core/sample-store';

import { exampleSample, never, noon, resourcesOf } from './support.js';
import type { StoreTests } from './support.js';

/** Summaries of meters and resources. */
export function summaryTests({ describe, it, withStore }: StoreTests): void {
  describe('summaries', () => {
    it(
      'are empty if there is nothing',
      withStore(async (store, reader) => {
        assert.deepEqual(await reader.meters({ scope: 'all' }, never), []);
        assert.deepEqual(await resourcesOf(reader), []);
      }),
    );

    const set = [
      exampleSample({ timestamp: noon, resourceId: 'r1', projectId: 'old', metadata: '{"n": 1}' }),
      exampleSample({
        timestamp: noon + 2n,
        resourceId: 'r1',
        projectId: 'new',
        metadata: '{ "n": 8292646586825371460, "f":1.0, "s":"\\u00e9🙂" }',
      }),
      exampleSample({
        timestamp: noon + 1n,
        resourceId: 'r1',
        projectId: 'new',
        meter: 'vcpus',
        type: 'gauge',
        unit: 'vcpu',
        metadata: '{"n": 2}',
      }),
      exampleSample({
        timestamp: noon + 1n,
        resourceId: 'r2',
        projectId: null,
        userId: null,
        unit: null,
        metadata: '{}',
      }),
    ];

    it(
      'of meters have name, type, unit and the number of samples',
      withStore(async (store, reader) => {
        await store.record(set);
        const cpu = { name: 'cpu', type: 'cumulative' };
        const vcpus = { name: 'vcpus', type: 'gauge', unit: 'vcpu', resources: 1, samples: 1 };
        const byName = (one: { name: string; unit: string | null }) => `${one.name} ${one.unit ?? ''}`;
        const sorted = async (filter: Partial<SampleFilter>) =>
          (await reader.meters({ scope: 'all', ...filter }, never)).toSorted((x, y) =>
            byName(x) < byName(y) ? -1 : 1,
          );
        assert.deepEqual(await sorted({}), [
          { ...cpu, unit: null, resources: 1, samples: 1 },
          { ...cpu, unit: 'ns', resources: 1, samples: 2 },
          vcpus,
        ]);
        assert.deepEqual(await sorted({ start: noon + 2n }), [{ ...cpu, unit: 'ns', resources: 1, samples: 1 }]);
        assert.deepEqual(await sorted({ meters: ['vcpus'] }), [vcpus]);
      }),
    );

    it(
      'of resources have their times, owners, meters and the latest metadata',
      withStore(async (store, reader) => {
        await store.record(set);
        const of = (projectId: string | null, userId: string | null, first: bigint, last = first) => ({
          projectId,
          userId,
          firstTimestamp: noon + first,
          lastTimestamp: noon + last,
        });
        const source = 'openstack';
        const cpu = { name: 'cpu', type: 'cumulative', unit: 'ns', source };
        const vcpus = { name: 'vcpus', type: 'gauge', unit: 'vcpu', source, ...of('new', 'user-1', 1n) };
        const r2 = {
          resourceId: 'r2',
          source,
          ...of(null, null, 1n),
          owners: [of(null, null, 1n)],
          meters: [{ ...cpu, unit: null, ...of(null, null, 1n) }],
          metadata: '{}',
        };
        assert.deepEqual(await resourcesOf(reader), [
          {
            resourceId: 'r1',
            source,
            ...of('new', 'user-1', 0n, 2n),
            owners: [of('old', 'user-1', 0n), of('new', 'user-1', 1n, 2n)],
            meters: [{ ...cpu, ...of('new', 'user-1', 0n, 2n) }, vcpus],
            metadata: '{ "n": 8292646586825371460, "f":1.0, "s":"\\u00e9🙂" }',
          },
          r2,
        ]);
        assert.deepEqual(await resourcesOf(reader, { end: noon + 2n, start: noon + 1n }), [
          {
            resourceId: 'r1',
            source,
            ...of('new', 'user-1', 1n),
            owners: [of('new', 'user-1', 1n)],
            meters: [vcpus],
            metadata: '{"n": 2}',
          },
          r2,
        ]);
        const [old] = await resourcesOf(reader, { scope: { project: 'old' } });
        assert.equal(old?.metadata, '{"n": 1}');
        assert.deepEqual(old.owners, [of('old', 'user-1', 0n)]);
        assert.deepEqual(await resourcesOf(reader, { scope: { project: 'other' } }), []);
      }),
    );

    it(
      'of resources are a stream in order, as of its beginning, that can be continued after an id',
      withStore(async (store, reader) => {
        const many = Array.from({ length: 1_100 }, (_, at) => exampleSample({ resourceId: `r${1e4 + at}` }));
        await store.record([
          ...many,
          exampleSample({ resourceId: '\u{10000}' }),
          exampleSample({ resourceId: '\ufffd' }),
        ]);
        const ids = [...many.map(({ resourceId }) => resourceId), '\ufffd', '\u{10000}'];
        const stream = reader.resources({ scope: 'all' }, never)[Symbol.asyncIterator]();
        const found = [(await stream.next()).value as ResourceSummary];
        await store.record([
          exampleSample({ resourceId: 'r2' }),
          exampleSample({ resourceId: 'r10700', timestamp: noon + 9n }),
        ]);
        for (let next = await stream.next(); next.done !== true; next = await stream.next())
          found.push(next.value);
        assert.deepEqual(
          found.map(({ resourceId }) => resourceId),
          ids,
        );
        assert.equal(found[700]?.lastTimestamp, noon);
        const some = async (query: Partial<ResourceQuery>) =>
          (await resourcesOf(reader, query)).map(({ resourceId }) => resourceId);
        assert.deepEqual(await some({ after: 'r11098' }), ['r11099', 'r2', '\ufffd', '\u{10000}']);
        assert.deepEqual(await some({ after: 'r10009', limit: 2 }), ['r10010', 'r10011']);
        assert.deepEqual(await some({ start: noon + 1n, limit: 1 }), ['r10700']);
        assert.deepEqual(await some({ limit: 0 }), []);
      }),
    );

    it(
      'of projects have their times and numbers of resources',
      withStore(async (store, reader) => {
        await store.record(set);
        const of = (projectId: string | null, first: bigint, last: bigint) => ({
          projectId,
          resources: 1,
          firstTimestamp: noon + first,
          lastTimestamp: noon + last,
        });
        const projects = (filter: Partial<SampleFilter>) => reader.projects({ scope: 'all', ...filter }, never);
        assert.deepEqual(await projects({}), [of(null, 1n, 1n), of('new', 1n, 2n), of('old', 0n, 0n)]);
        assert.deepEqual(await projects({ start: noon + 2n }), [of('new', 2n, 2n)]);
        assert.deepEqual(await projects({ scope: { project: 'old' } }), [of('old', 0n, 0n)]);
        assert.deepEqual(await projects({ scope: { project: 'other' }, resources: ['r1'] }), []);
      }),
    );
  });
}
