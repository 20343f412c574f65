import assert from 'node:assert/strict';

import type { Sample, SampleQuery } from '@nephoscope/core/sample-store';

import { all, ascending, descending, exampleSample, examples, never, noon } from './support.js';
import type { StoreTests } from './support.js';

/** Queries of samples: filters, order, limits. */
export function sampleQueryTests({ describe, it, withStore }: StoreTests): void {
  describe('samples', () => {
    const set = [
      exampleSample({
        timestamp: noon + 3n,
        meter: 'cpu',
        resourceId: 'r1',
        projectId: 'p1',
        userId: 'u1',
        source: 's1',
      }),
      exampleSample({
        timestamp: noon + 1n,
        meter: 'cpu',
        resourceId: 'r2',
        projectId: 'p1',
        userId: 'u2',
        source: 's1',
      }),
      exampleSample({
        timestamp: noon,
        meter: 'vcpus',
        resourceId: 'r1',
        projectId: 'p2',
        userId: 'u1',
        source: 's2',
      }),
      exampleSample({
        timestamp: noon + 2n,
        meter: 'cpu',
        resourceId: 'r1',
        projectId: null,
        userId: null,
        source: 's2',
      }),
    ] as const;
    const [d, b, a, c] = set;
    const filters: readonly (readonly [string, Partial<SampleQuery>, readonly Sample[]])[] = [
      ['everything, by time', {}, [a, b, c, d]],
      ['a meter', { meters: ['cpu'] }, [b, c, d]],
      ['a resource', { resources: ['r1'] }, [a, c, d]],
      ['a project', { projects: ['p1'] }, [b, d]],
      ['a user', { users: ['u1'] }, [a, d]],
      ['a source', { sources: ['s2'] }, [a, c]],
      [
        'all at once',
        {
          meters: ['cpu'],
          resources: ['r1'],
          projects: ['p1'],
          users: ['u1'],
          sources: ['s1'],
          start: noon,
          end: noon + 4n,
        },
        [d],
      ],
      [
        'one of several of each',
        { meters: ['cpu', 'other'], resources: ['r1', 'r2'], sources: ['s1', 's3'] },
        [b, d],
      ],
      ['those without a project or user', { projects: [null], users: ['u9', null] }, [c]],
      ['one of several projects, or none', { projects: ['p2', null] }, [a, c]],
      ['none of no values', { resources: [] }, []],
      ['a project that is the scope', { scope: { project: 'p1' } }, [b, d]],
      ['a filter within the scope', { scope: { project: 'p1' }, resources: ['r1'] }, [d]],
      ['nothing out of scope', { scope: { project: 'p1' }, projects: ['p2', null] }, []],
      ['nothing of an unknown scope', { scope: { project: 'p9' }, resources: ['r1'] }, []],
      ['nothing', { meters: ['CPU'] }, []],
      ['a pattern is not a pattern', { meters: ['%'] }, []],
      ['the start included', { start: noon + 1n }, [b, c, d]],
      ['the end excluded', { end: noon + 2n }, [a, b]],
      ['one nanosecond', { start: noon + 2n, end: noon + 3n }, [c]],
      ['no time at all', { start: noon + 2n, end: noon + 2n }, []],
      ['times beyond 64 bits', { start: -(2n ** 70n), end: 2n ** 70n }, [a, b, c, d]],
      ['after all time', { start: 2n ** 70n }, []],
    ];
    it(
      'finds the samples that match each filter',
      withStore(async (store, reader) => {
        await store.record(set);
        for (const [what, filter, expected] of filters) {
          assert.deepEqual(await all(reader, filter), expected, what);
          const newest = await all(reader, { ...filter, newestFirst: true });
          assert.deepEqual(newest, expected.toReversed(), `${what}, newest first`);
          assert.deepEqual(await all(reader, { ...filter, limit: 2 }), expected.slice(0, 2), `${what}, two`);
        }
      }),
    );

    it(
      'finds samples that conflict with another one',
      withStore(async (store, reader) => {
        const text = (member: string) => (sample: Sample) => sample.text.replace('{', `{${member}, `);
        const beside = (fields: Partial<Sample>, member = '"conflicts_with": "the first"') => {
          const sample = exampleSample(fields);
          return { ...sample, text: text(member)(sample) };
        };
        const [one, other] = [beside({ meter: 'a' }), beside({ meter: 'b', timestamp: noon + 1n })];
        const quoted = beside({ meter: 'a' }, '"note": "\\"conflicts_with\\": "');
        await store.record([...set, one, quoted, other]);
        assert.deepEqual(await all(reader, { conflicting: true }), [one, other]);
        assert.deepEqual(await all(reader, { conflicting: true, meters: ['b'] }), [other]);
        assert.deepEqual(await all(reader, { conflicting: true, newestFirst: true, limit: 1 }), [other]);
      }),
    );

    it(
      'accepts a limit of zero, of one, and of more than there are',
      withStore(async (store, reader) => {
        await store.record(set);
        assert.deepEqual(await all(reader, { limit: 0 }), []);
        assert.deepEqual(await all(reader, { limit: 1, newestFirst: true }), [d]);
        assert.deepEqual(await all(reader, { limit: 1000 }), [a, b, c, d]);
      }),
    );

    it(
      'streams many samples, each once and in order, even if they have the same time',
      withStore(async (store, reader) => {
        // More with one time, and more series, than any page of a reader is likely to hold.
        const many = Array.from({ length: 4000 }, (_, at) =>
          exampleSample({
            timestamp: noon + BigInt(Math.floor(at / 1500)),
            resourceId: `r${at % 100}`,
            sequence: BigInt(at),
          }),
        );
        for (let start = 0; start < many.length; start += 1000)
          await store.record(many.slice(start, start + 1000));
        for (const filter of [{}, { meters: ['cpu'] }, { projects: ['project-1'], start: noon }]) {
          for (const newestFirst of [false, true]) {
            const found = await all(reader, { ...filter, newestFirst });
            assert.equal(new Set(found.map(({ messageId }) => messageId)).size, many.length);
            const times = found.map(({ timestamp }) => timestamp);
            assert.deepEqual(times, newestFirst ? times.toSorted(descending) : times.toSorted(ascending));
          }
        }
        assert.equal((await all(reader, { resources: ['r7'] })).length, 40);
      }),
    );

    it(
      'may be left early, and read twice at the same time while others record',
      withStore(async (store, reader) => {
        await store.record(examples(1200));
        for await (const sample of reader.samples({ scope: 'all' }, never)) {
          assert.equal(sample.meter, 'cpu');
          break;
        }
        const [one, two, recorded] = await Promise.all([
          all(reader),
          all(reader, { newestFirst: true }),
          store.record(examples(10)),
        ]);
        assert.ok(one.length >= 1200 && two.length >= 1200);
        assert.deepEqual(recorded, { recorded: 10, duplicates: 0 });
      }),
    );
  });
}
