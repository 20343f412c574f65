import assert from 'node:assert/strict';

import type { MetadataCondition, MetadataOperand } from '@nephoscope/core/sample-store';

import { all, exampleSample, never, noon, resourcesOf } from './support.js';
import type { StoreTests } from './support.js';

const string = (value: string): MetadataOperand => ({ type: 'string', value });
const integer = (value: bigint): MetadataOperand => ({ type: 'integer', value });
const float = (value: number): MetadataOperand => ({ type: 'float', value });
const boolean = (value: boolean): MetadataOperand => ({ type: 'boolean', value });
const datetime = (value: bigint): MetadataOperand => ({ type: 'datetime', value });

/** By resource. Some of it is rounded, refused or misread by the databases' own JSON functions. */
const texts = {
  absent: '{"other": "a"}',
  null: '{"k": null}',
  object: '{"k": {"x": "a"}}',
  list: '{"k": ["a"]}',
  a: '{"k": "a"}',
  b: '{"k": "b", "zero": "\\u0000"}',
  number5: '{"k": 5}',
  float5: '{"k": 5.0}',
  '0.75': '{"k": 0.75}',
  large: '{"k": 9007199254740993}',
  huge: '{"k": 1e400}',
  text5: '{"k": "5"}',
  true: '{"k": true}',
  false: '{"k": false}',
  time: '{"k": "2026-11-22T21:00:00.5+01:00"}',
} as const;
type Name = keyof typeof texts;

const instant = 1_795_377_600_500_000_000n;

/** Conditions on metadata, which every store must evaluate in the same way. */
export function metadataTests({ describe, it, withStore }: StoreTests): void {
  describe('metadata', () => {
    const set = Object.entries(texts).map(([resourceId, metadata], at) =>
      exampleSample({ resourceId, metadata, timestamp: noon + BigInt(at), meter: `meter-${at % 2}` }),
    );
    const k = (
      operator: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge',
      operand: MetadataOperand,
    ): MetadataCondition => ({
      key: 'k',
      operator,
      operand,
    });
    const strings: readonly Name[] = ['a', 'b', 'text5', 'time'];
    const numbers: readonly Name[] = ['number5', 'float5', '0.75', 'large', 'huge'];
    const cases: readonly (readonly [string, MetadataCondition, readonly Name[]])[] = [
      ['a text', k('eq', string('a')), ['a']],
      ['another text, if there is one', k('ne', string('a')), strings.filter((name) => name !== 'a')],
      ['a text before', k('lt', string('a')), ['text5', 'time']],
      ['a text before or equal', k('le', string('a')), ['a', 'text5', 'time']],
      ['a text after', k('gt', string('a')), ['b']],
      ['a text after or equal', k('ge', string('a')), ['a', 'b']],
      ['a pattern is not a pattern', k('eq', string('%')), []],
      ['a whole number, however it is written', k('eq', integer(5n)), ['number5', 'float5']],
      ['a number with all its digits', k('eq', integer(9_007_199_254_740_993n)), ['large']],
      ['no number that is only near', k('eq', integer(9_007_199_254_740_992n)), []],
      ['numbers above', k('gt', integer(5n)), ['large', 'huge']],
      ['other numbers', k('ne', integer(5n)), ['0.75', 'large', 'huge']],
      ['a fraction', k('eq', float(0.75)), ['0.75']],
      ['numbers up to a fraction', k('le', float(0.75)), ['0.75']],
      ['numbers from a negative one', k('ge', float(-1e300)), numbers],
      ['a truth', k('eq', boolean(true)), ['true']],
      ['another truth', k('ne', boolean(true)), ['false']],
      ['a time in any zone', k('eq', datetime(instant)), ['time']],
      ['times before', k('lt', datetime(instant + 1n)), ['time']],
      ['no times after', k('gt', datetime(instant)), []],
      [
        'one of several',
        { key: 'k', operator: 'in', operands: [string('b'), integer(5n)] },
        ['b', 'number5', 'float5'],
      ],
      ['one of none', { key: 'k', operator: 'in', operands: [] }, []],
      ['a value in an object', { key: 'k.x', operator: 'eq', operand: string('a') }, ['object']],
    ];
    it(
      'finds samples that satisfy a condition, by type and operator',
      withStore(async (store, reader) => {
        await store.record(set);
        for (const [what, condition, expected] of cases) {
          const found = await all(reader, { metadata: [condition] });
          assert.deepEqual(
            found.map(({ resourceId }) => resourceId),
            Object.keys(texts).filter((name) => expected.includes(name as Name)),
            what,
          );
        }
      }),
    );

    it(
      'finds keys with dots, and keys in nested objects',
      withStore(async (store, reader) => {
        const nested = [
          '{"a.b": {"c.d": 1}}',
          '{"a": {"b": {"c": {"d": 1}}}}',
          '{"a.b.c.d": 1}',
          '{"a": {"b.c": 1}}',
        ];
        await store.record(nested.map((metadata, at) => exampleSample({ metadata, resourceId: `r${at}` })));
        const metadata = [{ key: 'a.b.c.d', operator: 'eq', operand: integer(1n) }] as const;
        assert.deepEqual(
          (await all(reader, { metadata })).map(({ resourceId }) => resourceId),
          ['r0', 'r1', 'r2'],
        );
      }),
    );

    it(
      'restricts samples, pages and summaries alike, together with other conditions',
      withStore(async (store, reader) => {
        const many = Array.from({ length: 1500 }, (_, at) =>
          exampleSample({
            resourceId: `r${at % 60}`,
            projectId: at % 60 < 30 ? 'p1' : 'p2',
            meter: `m${at % 2}`,
            timestamp: noon + BigInt(at),
            metadata: `{"third": ${at % 3 === 0}, "at": ${at}}`,
          }),
        );
        await store.record(many);
        const metadata = [
          { key: 'third', operator: 'eq', operand: boolean(true) },
          { key: 'at', operator: 'ge', operand: integer(600n) },
        ] as const;
        const wanted = many.filter((_, at) => at % 3 === 0 && at >= 600);
        const filter = { scope: 'all', metadata } as const;
        assert.deepEqual(await all(reader, filter), wanted);
        assert.deepEqual(await all(reader, { ...filter, limit: 7 }), wanted.slice(0, 7));
        assert.deepEqual(
          await all(reader, { ...filter, scope: { project: 'p2' }, newestFirst: true }),
          wanted.filter(({ projectId }) => projectId === 'p2').toReversed(),
        );
        const first = await reader.samplePage({ ...filter, limit: 200 }, never);
        const second = await reader.samplePage({ ...filter, limit: 200, cursor: first.next }, never);
        assert.deepEqual([...first.samples, ...second.samples], wanted);
        assert.equal(second.next, undefined);
        const ids = [...new Set(wanted.map(({ resourceId }) => resourceId))].sort();
        assert.deepEqual(await reader.meters(filter, never), [
          { name: 'm0', type: 'cumulative', unit: 'ns', resources: 10, samples: 150 },
          { name: 'm1', type: 'cumulative', unit: 'ns', resources: 10, samples: 150 },
        ]);
        const resources = await resourcesOf(reader, filter);
        assert.deepEqual(
          resources.map(({ resourceId }) => resourceId),
          ids,
        );
        const r6 = wanted.filter(({ resourceId }) => resourceId === 'r6');
        const one = resources.find(({ resourceId }) => resourceId === 'r6');
        assert.equal(one?.firstTimestamp, r6[0]?.timestamp);
        assert.equal(one?.lastTimestamp, r6.at(-1)?.timestamp);
        assert.equal(one?.metadata, '{"third": true, "at": 1446}');
        assert.deepEqual(
          (await reader.projects(filter, never)).map(({ projectId, resources: count }) => [projectId, count]),
          [
            ['p1', 10],
            ['p2', 10],
          ],
        );
      }),
    );
  });
}
