import type { Sample } from '@nephoscope/core/sample-store';

import { assemble } from '../src/message-layout.js';
import { exampleSample } from '@nephoscope/testing';

import { signedSample } from './signed-sample.js';
import { SeriesCache } from '../src/series-cache.js';
import type { SharedRows, StoredParts } from '../src/series-cache.js';
import type { SeriesRow } from '../src/storable.js';

const maxKnown = 1_000;

function of<Id>(shared: SeriesCache<Id>, sample: Sample): StoredParts<Id> {
  return shared.of(sample, 0);
}

/** Its ids are in the order of the requests. */
function rows<Value>(asked: unknown[]): SharedRows<Value, number> {
  return { digest: (value) => JSON.stringify(value), keep: (value) => asked.push(value) };
}

function cache() {
  const asked: unknown[] = [];
  const shared = new SeriesCache<number>(rows(asked), rows(asked), maxKnown);
  return { shared, asked };
}

describe('SeriesCache', () => {
  it('looks shared rows up once, and returns the same parts from then on', () => {
    const { shared, asked } = cache();
    const samples = ['1', '2.50', '1e-07', '-0'].map((volume, at) =>
      exampleSample({ volume, sequence: BigInt(at) }),
    );
    const parts = samples.map((sample) => of(shared, sample));
    expect(asked).toHaveLength(2);
    expect(new Set(parts.map(({ series }) => series))).toEqual(new Set([1]));
    expect(new Set(parts.map(({ metadata }) => metadata))).toEqual(new Set([2]));
  });

  it.each([
    { meter: 'memory' },
    { resourceId: 'other' },
    { type: 'gauge' },
    { unit: null },
    { unit: '' },
    { userId: null },
    { projectId: 'other' },
    { source: 'other' },
    { epoch: 'run-2' },
    { publisherId: 'other' },
  ])('distinguishes series that differ in %j', (fields) => {
    const { shared } = cache();
    const { series } = of(shared, exampleSample());
    expect(of(shared, exampleSample(fields)).series).not.toBe(series);
    expect(of(shared, exampleSample()).series).toBe(series);
  });

  it('distinguishes series with different layouts', () => {
    const asked: SeriesRow[] = [];
    const shared = new SeriesCache<number>(rows(asked), rows([]));
    const sample = exampleSample();
    const blank = { ...exampleSample(), text: sample.text.replace(', ', ',  ') };
    expect([sample, blank, sample, blank].map((one) => of(shared, one).series)).toEqual([1, 2, 1, 2]);
    for (const [at, one] of [sample, blank].entries()) {
      const values = { ...one, ...of(shared, one), metadata: '{"host": "compute-1"}' };
      expect(assemble(asked[at]?.at(-1) as string, values)).toBe(one.text.replace(blank.messageId, one.messageId));
    }
  });

  it('returns the rows of its own layout for a known meter of a known resource', () => {
    const series: SeriesRow[] = [];
    const shared = new SeriesCache<number>(rows(series), rows([]));
    // As two programs write the same two meters of two resources.
    for (const colon of [':', ': ', ':'])
      for (const resourceId of ['a', 'b'])
        for (const name of ['cpu', 'memory']) {
          const sample = signedSample({ name, resourceId });
          const one = { ...sample, text: sample.text.replace(':', colon) };
          const { series: id, ...values } = of(shared, one);
          const row = series[id - 1] as SeriesRow;
          expect(row.slice(0, 2)).toEqual([resourceId, name]);
          const metadata = '{"display_name":"naïve 🙂","host":"compute-1"}';
          expect(assemble(row.at(-1) as string, { ...one, ...values, metadata })).toBe(one.text);
        }
    expect(series).toHaveLength(8);
  });

  it('looks rows up again after forget(), and when its limit is reached', () => {
    const { shared, asked } = cache();
    of(shared, exampleSample());
    shared.forget();
    of(shared, exampleSample());
    expect(asked).toHaveLength(4);
    for (let at = 0; at < maxKnown; at++) of(shared, exampleSample({ resourceId: `r${at}` }));
    const before = asked.length;
    // The cache was cleared once in between: the shared metadata were requested again.
    expect(before).toBe(4 + maxKnown + 1);
    of(shared, exampleSample());
    expect(asked).toHaveLength(before + 1);
  });

  it('gives each sample its own metadata', () => {
    const { shared, asked } = cache();
    const idOf = (metadata: string) => of(shared, exampleSample({ metadata })).metadata;
    const found = ['{"a":1}', '{"a":2}', '{"a":1}', '{"a":2}'].map(idOf);
    expect(found).toEqual([2, 3, 2, 3]);
    expect(asked).toHaveLength(3);
  });

  it('looks rows up once more for a later period', () => {
    const { shared, asked } = cache();
    // What is kept for the later period is also kept for the earlier one.
    for (const period of [7, 8, 7, 8]) shared.of(exampleSample(), period);
    expect(asked).toHaveLength(4);
  });
});
