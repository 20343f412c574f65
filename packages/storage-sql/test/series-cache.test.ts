import { KnownMessages, Secret, assemble, createSigner, signMeteringMessage } from '@nephoscope/core';
import { exampleSample } from '@nephoscope/testing';

import { maxSeries } from '../src/series-bounds.js';
import { SeriesCache } from '../src/series-cache.js';

function cache() {
  const asked: string[] = [];
  const shared = new SeriesCache<number>({
    series: ({ meter, resourceId }, layout) => asked.push(`${meter} of ${resourceId}: ${layout.length}`),
    metadata: (text) => asked.push(text),
  });
  return { shared, asked };
}

describe('SeriesCache', () => {
  it('asks once for what samples share, and gives the same parts from then on', () => {
    const { shared, asked } = cache();
    const samples = ['1', '2.50', '1e-07', '-0'].map((volume, at) =>
      exampleSample({ volume, sequence: BigInt(at) }),
    );
    const parts = samples.map((sample) => shared.of(sample));
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
  ])('tells series apart that differ in %j', (fields) => {
    const { shared } = cache();
    const { series } = shared.of(exampleSample());
    expect(shared.of(exampleSample(fields)).series).not.toBe(series);
    expect(shared.of(exampleSample()).series).toBe(series);
  });

  it('tells series apart whose messages are laid out differently', () => {
    const layouts: string[] = [];
    const shared = new SeriesCache<number>({ series: (_, layout) => layouts.push(layout), metadata: () => 0 });
    const sample = exampleSample();
    const blank = { ...exampleSample(), text: sample.text.replace(', ', ',  ') };
    expect([sample, blank, sample, blank].map((one) => shared.of(one).series)).toEqual([1, 2, 1, 2]);
    for (const [at, one] of [sample, blank].entries()) {
      const values = { ...one, ...shared.of(one), metadata: '{"host": "compute-1"}' };
      expect(assemble(layouts[at] as string, values)).toBe(one.text.replace(blank.messageId, one.messageId));
    }
  });

  it('asks again when it was told to forget, and when it knows too many', () => {
    const { shared, asked } = cache();
    shared.of(exampleSample());
    shared.forget();
    shared.of(exampleSample());
    expect(asked).toHaveLength(4);
    for (let at = 0; at < maxSeries; at++) shared.of(exampleSample({ resourceId: `r${at}` }));
    const before = asked.length;
    shared.of(exampleSample());
    expect(asked).toHaveLength(before + 1);
  });

  it('knows the series of a message that its reader recognised', () => {
    const messages = new KnownMessages();
    const signer = createSigner({ secret: new Secret('s'), form: 'canonical' });
    const sampleOf = (name: string, volume: bigint) => {
      const { timestamp, projectId, userId, resourceId } = exampleSample();
      const resourceMetadata = { host: 'compute-1' };
      const text = signMeteringMessage(
        {
          ...{ name, type: 'cumulative', unit: 'ns', volume },
          ...{ userId, projectId, resourceId, timestamp, resourceMetadata },
        },
        {
          source: 'openstack',
          messageId: `${name}-${volume}`,
          publisherId: 'compute.a/1',
          sequence: volume,
          epoch: 'e',
        },
        signer,
      );
      return messages.read(text).sample;
    };
    const { shared, asked } = cache();
    const first = sampleOf('cpu', 1n);
    const parts = [first, sampleOf('cpu', 2n), sampleOf('cpu', 3n)].map((sample) => shared.of(sample));
    expect([first.parts, sampleOf('cpu', 4n).parts]).toEqual([undefined, expect.anything()]);
    // Once as it was read whole, and once as it was recognised: the row is the same.
    expect(asked).toHaveLength(3);
    expect(asked[0]).toBe(asked[2]);
    expect(new Set(parts.map(({ metadata }) => metadata)).size).toBe(1);
    shared.of(sampleOf('memory', 1n));
    shared.of(sampleOf('cpu', 5n));
    expect(asked).toHaveLength(4);
    shared.forget();
    shared.of(sampleOf('cpu', 6n));
    expect(asked).toHaveLength(6);
  });
});
