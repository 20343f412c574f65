import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { Sample } from '@nephoscope/core';
import { KnownMessages, Secret, assemble, createSigner, signMeteringMessage } from '@nephoscope/core';
import { exampleSample } from '@nephoscope/testing';

import { SeriesCache } from '../src/series-cache.js';
import type { SharedRows, StoredParts } from '../src/series-cache.js';
import type { SeriesRow } from '../src/storable.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const maxKnown = 1_000;

function of<Id>(shared: SeriesCache<Id>, sample: Sample): StoredParts<Id> {
  return shared.of(sample, 0);
}

/** Whose ids are in the order in which they were asked for. */
function rows<Value>(asked: unknown[]): SharedRows<Value, number> {
  return { digest: (value) => JSON.stringify(value), keep: (value) => asked.push(value) };
}

function cache() {
  const asked: unknown[] = [];
  const shared = new SeriesCache<number>(rows(asked), rows(asked), maxKnown);
  return { shared, asked };
}

describe('SeriesCache', () => {
  it('asks once for what samples share, and gives the same parts from then on', () => {
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
  ])('tells series apart that differ in %j', (fields) => {
    const { shared } = cache();
    const { series } = of(shared, exampleSample());
    expect(of(shared, exampleSample(fields)).series).not.toBe(series);
    expect(of(shared, exampleSample()).series).toBe(series);
  });

  it('tells series apart whose messages are laid out differently', () => {
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

  it('asks again when it was told to forget, and when it knows too many', () => {
    const { shared, asked } = cache();
    of(shared, exampleSample());
    shared.forget();
    of(shared, exampleSample());
    expect(asked).toHaveLength(4);
    for (let at = 0; at < maxKnown; at++) of(shared, exampleSample({ resourceId: `r${at}` }));
    const before = asked.length;
    // Once in between all were forgotten: the metadata that is shared was asked for again.
    expect(before).toBe(4 + maxKnown + 1);
    of(shared, exampleSample());
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
      return messages.learn(messages.read(text));
    };
    const { shared, asked } = cache();
    const first = sampleOf('cpu', 1n);
    const parts = [first, sampleOf('cpu', 2n), sampleOf('cpu', 3n)].map((sample) => of(shared, sample));
    expect([first.parts, sampleOf('cpu', 4n).parts]).toEqual([undefined, expect.anything()]);
    // However it was read, the row is the same.
    expect(asked).toHaveLength(2);
    expect(new Set(parts.map(({ series }) => series)).size).toBe(1);
    expect(new Set(parts.map(({ metadata }) => metadata)).size).toBe(1);
    of(shared, sampleOf('memory', 1n));
    of(shared, sampleOf('cpu', 5n));
    expect(asked).toHaveLength(3);
    shared.forget();
    of(shared, sampleOf('cpu', 6n));
    expect(asked).toHaveLength(5);
  });

  it('gives the metadata of each sample, also where several texts come with one layout', () => {
    const { shared, asked } = cache();
    const layout = { text: '{}' };
    const idOf = (metadata: string) => {
      const parts = { layout, metadata, signature: null, variations: null };
      return of(shared, { ...exampleSample(), parts }).metadata;
    };
    const found = ['{"a":1}', '{"a":2}', '{"a":1}', '{"a":2}'].map(idOf);
    expect(found).toEqual([2, 3, 2, 3]);
    expect(asked).toHaveLength(3);
  });

  it('asks once more for a later period', () => {
    const { shared, asked } = cache();
    const layout = { text: '{}' };
    const parts = { layout, metadata: '{"a":1}', signature: null, variations: null };
    const sample = { ...exampleSample(), parts };
    // What is kept for the later one is kept for the earlier one, too.
    for (const period of [7, 8, 7, 8]) shared.of(sample, period);
    expect(asked).toHaveLength(4);
    shared.of({ ...sample, parts: { ...parts, layout: { text: '{}' } } }, 7);
    expect(asked).toHaveLength(4);
  });

  it('keeps nothing of what a reader has forgotten', async () => {
    const { shared } = cache();
    const layouts: WeakRef<object>[] = [];
    for (let at = 0; at < 100; at++) {
      const layout = { text: `{"at":${at}}` };
      layouts.push(new WeakRef(layout));
      const parts = { layout, metadata: `{"pad":"${'x'.repeat(1000)}${at}"}`, signature: null, variations: null };
      of(shared, { ...exampleSample({ resourceId: `r${at}` }), parts });
    }
    const left = () => layouts.filter((one) => one.deref() !== undefined).length;
    // The last ones may still be in a register.
    for (let tries = 0; tries < 10 && left() > 5; tries++) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    expect(left()).toBeLessThanOrEqual(5);
  });
});
