import { FakeDelivery, failing, ids, line, metric, started, until } from './support.js';

it('leaves out messages of a lost connection before each attempt, and records them when they are delivered again', async () => {
  const { bus, clock, store, registry, told } = await started({ batch: { samples: 2 } });
  store.before = failing;
  const gone = new FakeDelivery(line({ id: 'a' }));
  const kept = new FakeDelivery(line({ id: 'b' }));
  bus.send(gone, kept);
  await until('it was tried', () => told('error').length === 1);
  gone.isGone = true;
  store.before = () => Promise.resolve();
  await clock.advance(250);
  await until('it is settled', () => kept.outcome === 'ack');
  expect(store.batches.map(ids)).toEqual([['b']]);
  expect(gone.outcome).toBeUndefined();
  expect(await metric(registry, 'nephoscope_collector_messages_gone_total')).toBe(1);
  expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBe(0);

  const again = [new FakeDelivery(line({ id: 'a' })), new FakeDelivery(line({ id: 'c' }))];
  bus.send(...again);
  await until('it is settled', () => again.every(({ outcome }) => outcome === 'ack'));
  expect(store.batches.map(ids)).toEqual([['b'], ['a', 'c']]);
  expect(await metric(registry, 'nephoscope_collector_samples_duplicate_total')).toBe(0);
});

it('does not call the store when all messages of a batch are gone', async () => {
  const { bus, clock, store, told } = await started({ batch: { samples: 1 } });
  store.before = failing;
  const gone = new FakeDelivery(line());
  bus.send(gone);
  await until('it was tried', () => told('error').length === 1);
  gone.isGone = true;
  await clock.advance(250);
  store.before = () => Promise.resolve();
  const next = new FakeDelivery(line({ id: 'next' }));
  bus.send(next);
  await until('the next is settled', () => next.outcome === 'ack');
  expect(store.batches.map(ids)).toEqual([['next']]);
});

it('holds a bounded number of messages, however often the connection is lost while the store is unavailable', async () => {
  const prefetch = 10;
  const { bus, clock, collector, store, registry, told } = await started({ prefetch, batch: { samples: 2 } });
  store.before = failing;
  let held: FakeDelivery[] = [];
  for (let round = 0; round < 50; round++) {
    for (const delivery of held) {
      delivery.isGone = true;
      // The broker has taken them back.
      delivery.onSettled();
    }
    held = Array.from({ length: prefetch }, (_, n) => new FakeDelivery(line({ id: `sample-${n}` })));
    bus.send(...held);
    const tries = store.tries;
    await until('it is tried again', async () => {
      await clock.advance(15_000);
      return store.tries > tries;
    });
    // A batch in progress, one read ahead, those that wait, and at most as many of each that are gone.
    expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBeLessThanOrEqual(
      2 * prefetch + 4,
    );
  }
  store.before = () => Promise.resolve();
  await until('all is recorded', async () => {
    await clock.advance(15_000);
    return held.every(({ outcome }) => outcome === 'ack');
  });
  expect(store.batches.flatMap(ids).sort()).toEqual(held.map((_, n) => `sample-${n}`).sort());
  expect(await metric(registry, 'nephoscope_collector_samples_duplicate_total')).toBe(0);
  expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBe(0);
  expect(told('warn')).toEqual([]);
  await collector.stop();
});

it('sends no dead letters for messages that are gone', async () => {
  const { bus, store, registry } = await started({ batch: { samples: 1 } });
  let commit: () => void = () => undefined;
  store.before = () => new Promise((resolve) => (commit = resolve));
  const delivery = new FakeDelivery(line(), '{');
  bus.send(delivery);
  await until('the store is asked', () => store.tries === 1);
  delivery.isGone = true;
  commit();
  await until(
    'it is dropped',
    async () => (await metric(registry, 'nephoscope_collector_messages_gone_total')) === 1,
  );
  expect(delivery.dead).toEqual([]);
});
