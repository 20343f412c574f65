import { NephoscopeError } from '@nephoscope/core';

import { FakeDelivery, ids, line, metric, started, until } from './support.js';

/** The store refuses every batch that contains one of these samples. */
const refusing = (bad: readonly string[], error: () => Error) => (samples: readonly { messageId: string }[]) =>
  samples.some(({ messageId }) => bad.includes(messageId)) ? Promise.reject(error()) : Promise.resolve();

const invalid = () => new NephoscopeError('SAMPLE_INVALID', 'the volume does not fit');

describe('a sample that the store refuses with SAMPLE_INVALID', () => {
  it('is found in its batch and is the only one in the dead letters; the others are recorded', async () => {
    const { bus, collector, store, registry, told } = await started({ batch: { samples: 600 } });
    const names = Array.from({ length: 6 }, (_, d) => Array.from({ length: 100 }, (_, n) => `${d}-${n}`));
    store.before = refusing(['3-77'], invalid);
    const texts = names.map((of) => of.map((id) => line({ id })));
    const deliveries = texts.map((lines) => new FakeDelivery(...lines));
    bus.send(...deliveries);
    await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
    expect(store.batches.flatMap(ids).sort()).toEqual(
      names
        .flat()
        .filter((id) => id !== '3-77')
        .sort(),
    );
    expect(deliveries.map(({ dead }) => dead.length)).toEqual([0, 0, 0, 1, 0, 0]);
    const [dead] = deliveries[3]!.dead;
    expect(dead!.reason).toBe('SAMPLE_INVALID: the volume does not fit');
    expect(Buffer.from(dead!.body).toString()).toBe(texts[3]![77]);
    // The batch is halved repeatedly, so there is not one attempt for each of the 600 samples.
    expect(store.tries).toBeLessThanOrEqual(1 + 2 * Math.ceil(Math.log2(600)) + 2);
    expect(told('error')).toEqual([]);
    const refused = 'nephoscope_collector_samples_refused_total';
    expect(await metric(registry, refused, { reason: 'SAMPLE_INVALID' })).toBe(1);
    expect(await metric(registry, 'nephoscope_collector_samples_recorded_total')).toBe(599);
    expect(await metric(registry, 'nephoscope_collector_store_failures_total')).toBe(0);
    expect(collector.health()).toEqual({ ok: true });
  });
});

it('finds several invalid samples in a batch, even if it contains no others', async () => {
  const { bus, store } = await started({ batch: { samples: 5, wait: '10m' } });
  store.before = refusing(['a', 'b', 'c', 'd', 'e'], invalid);
  const deliveries = [
    new FakeDelivery(line({ id: 'a' }), line({ id: 'b' })),
    new FakeDelivery('{', line({ id: 'c' }), line({ id: 'd' }), line({ id: 'e' })),
  ];
  bus.send(...deliveries);
  await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
  expect(store.batches).toEqual([]);
  const lines = (body: Uint8Array) => Buffer.from(body).toString().trimEnd().split('\n').length;
  const kinds = deliveries.map(({ dead }) => dead.map(({ reason, body }) => [reason.split(':')[0], lines(body)]));
  expect(kinds).toEqual([
    [['SAMPLE_INVALID', 2]],
    [
      ['unreadable', 1],
      ['SAMPLE_INVALID', 3],
    ],
  ]);
});

it('continues the search after the store was unavailable in the middle of it', async () => {
  const { bus, clock, store, told } = await started({ batch: { samples: 8, wait: '10m' } });
  const refuse = refusing(['f'], invalid);
  store.before = (samples) =>
    store.tries % 3 === 2
      ? Promise.reject(new NephoscopeError('STORE_UNAVAILABLE', 'the server is away'))
      : refuse(samples);
  const deliveries = [...'abcdefgh'].map((id) => new FakeDelivery(line({ id })));
  bus.send(...deliveries);
  await until('all are settled', async () => {
    await clock.advance(250);
    return deliveries.every(({ outcome }) => outcome === 'ack');
  });
  expect(store.batches.flatMap(ids).sort().join('')).toBe('abcdegh');
  expect(deliveries.map(({ dead }) => dead.length)).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
  expect(told('error').length).toBeGreaterThan(0);
});

it('skips messages that the broker took back during the search', async () => {
  const { bus, store, registry } = await started({ batch: { samples: 4, wait: '10m' } });
  const deliveries = [...'abcd'].map((id) => new FakeDelivery(line({ id })));
  const refuse = refusing(['a'], invalid);
  store.before = (samples) => {
    deliveries[3]!.isGone = true;
    return refuse(samples);
  };
  bus.send(...deliveries);
  await until('the others are settled', () => deliveries.slice(0, 3).every(({ outcome }) => outcome === 'ack'));
  expect(store.batches.flatMap(ids)).toEqual(['b', 'c']);
  expect(deliveries[3]!.outcome).toBeUndefined();
  expect(await metric(registry, 'nephoscope_collector_messages_gone_total')).toBe(1);
});

it.each<[string, () => unknown, string]>([
  ...['STORE_UNAVAILABLE', 'STORE_REFUSED', 'STORE_INVALID', 'STORE_SCHEMA_NEWER', 'STORE_TLS', 'OTHER'].map(
    (code): [string, () => unknown, string] => [code, () => new NephoscopeError(code, `it says ${code}`), code],
  ),
  ['an unknown error', () => new TypeError('x is not a function'), 'x is not a function'],
  ['a plain string', () => 'no', 'no'],
  ['nothing', () => undefined, 'undefined'],
  [
    'several errors at once',
    () => new AggregateError([new Error('refused by ::1'), new Error('refused by 127.0.0.1')]),
    'refused by ::1; refused by 127.0.0.1',
  ],
])(
  'does not treat a sample as invalid when the store fails with %s: it retries and reports the reason',
  async (_, error, told) => {
    const { bus, clock, collector, store, registry, told: logged } = await started({ batch: { samples: 1 } });
    store.before = () => Promise.reject(error());
    const deliveries = [new FakeDelivery(line({ id: 'a' })), new FakeDelivery(line({ id: 'b' }))];
    bus.send(...deliveries);
    for (const tries of [1, 2, 3, 4])
      await until(`it was tried ${tries} times`, async () => {
        await clock.advance(15_000);
        return store.tries >= tries;
      });
    expect(logged('error')[0]).toContain(told);
    expect(collector.health()).toEqual({ ok: false, reason: expect.stringContaining(told) });
    expect(deliveries.map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
    store.before = () => Promise.resolve();
    await until('they are settled', async () => {
      await clock.advance(15_000);
      return deliveries.every(({ outcome }) => outcome === 'ack');
    });
    expect(deliveries.flatMap(({ dead }) => dead)).toEqual([]);
    expect(await metric(registry, 'nephoscope_collector_samples_recorded_total')).toBe(2);
  },
);
