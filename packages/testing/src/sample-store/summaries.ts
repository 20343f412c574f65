import assert from 'node:assert/strict';

import type { SampleReader } from '@nephoscope/core/sample-store';

import { exampleSample, never, noon } from './support.js';
import type { StoreTests } from './support.js';

/** Summaries of meters and resources. */
export function summaryTests({ describe, it, withStore }: StoreTests): void {
  describe('summaries', () => {
    it(
      'of nothing are empty',
      withStore(async (store, reader) => {
        assert.deepEqual(await reader.meters({}, never), []);
        assert.deepEqual(await reader.resources({}, never), []);
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
      'of meters tell name, type, unit and how many',
      withStore(async (store, reader) => {
        await store.record(set);
        const cpu = { name: 'cpu', type: 'cumulative' };
        const vcpus = { name: 'vcpus', type: 'gauge', unit: 'vcpu', resources: 1, samples: 1 };
        const byName = (one: { name: string; unit: string | null }) => `${one.name} ${one.unit ?? ''}`;
        const sorted = async (filter: Parameters<SampleReader['meters']>[0]) =>
          (await reader.meters(filter, never)).toSorted((x, y) => (byName(x) < byName(y) ? -1 : 1));
        assert.deepEqual(await sorted({}), [
          { ...cpu, unit: null, resources: 1, samples: 1 },
          { ...cpu, unit: 'ns', resources: 1, samples: 2 },
          vcpus,
        ]);
        assert.deepEqual(await sorted({ start: noon + 2n }), [{ ...cpu, unit: 'ns', resources: 1, samples: 1 }]);
        assert.deepEqual(await sorted({ meter: 'vcpus' }), [vcpus]);
      }),
    );

    it(
      'of resources tell their time, their meters and what the latest sample says',
      withStore(async (store, reader) => {
        await store.record(set);
        const r1 = { resourceId: 'r1', projectId: 'new', userId: 'user-1', source: 'openstack' };
        const r2 = {
          resourceId: 'r2',
          projectId: null,
          userId: null,
          source: 'openstack',
          firstTimestamp: noon + 1n,
          lastTimestamp: noon + 1n,
          meters: ['cpu'],
          metadata: '{}',
        };
        const found = async (filter: Parameters<SampleReader['resources']>[0]) =>
          (await reader.resources(filter, never))
            .map((one) => ({ ...one, meters: one.meters.toSorted() }))
            .toSorted((x, y) => (x.resourceId < y.resourceId ? -1 : 1));
        assert.deepEqual(await found({}), [
          {
            ...r1,
            firstTimestamp: noon,
            lastTimestamp: noon + 2n,
            meters: ['cpu', 'vcpus'],
            metadata: '{ "n": 8292646586825371460, "f":1.0, "s":"\\u00e9🙂" }',
          },
          r2,
        ]);
        assert.deepEqual(await found({ end: noon + 2n, start: noon + 1n }), [
          {
            ...r1,
            firstTimestamp: noon + 1n,
            lastTimestamp: noon + 1n,
            meters: ['vcpus'],
            metadata: '{"n": 2}',
          },
          r2,
        ]);
        assert.deepEqual(
          (await found({ projectId: 'old' })).map(({ metadata }) => metadata),
          ['{"n": 1}'],
        );
      }),
    );
  });
}
