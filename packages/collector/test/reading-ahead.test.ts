import { createHash } from 'node:crypto';

import { maxMeteringDocumentBytes } from '@nephoscope/message';

import { FakeDelivery, ids, line, metric, started, until } from './support.js';

const never = () => new Promise<never>(() => undefined);

it('reads one batch ahead while the store commits, and no more', async () => {
  const { bus, store, registry } = await started({ batch: { samples: 2, wait: '1ms' } });
  let commit: () => void = () => undefined;
  store.before = () => new Promise((resolve) => (commit = resolve));
  // An unreadable message is settled as soon as it is read, which shows how far reading has got.
  const bad = ['0', '1', '2'].map((text) => new FakeDelivery(text));
  const good = Array.from({ length: 6 }, () => new FakeDelivery(line()));
  bus.send(bad[0]!, good[0]!, good[1]!, bad[1]!, good[2]!, good[3]!, bad[2]!, good[4]!, good[5]!);
  await until('one is read ahead', () => store.tries === 1 && bad[1]!.outcome === 'ack');
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(bad.map(({ outcome }) => outcome)).toEqual(['ack', 'ack', undefined]);
  expect(good.map(({ outcome }) => outcome)).toEqual(good.map(() => undefined));
  expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBe(7);
  commit();
  await until('the next is read', () => store.tries === 2 && bad[2]!.outcome === 'ack');
});

it('collects messages that arrive while the store commits, and records them together', async () => {
  const { bus, store } = await started({ batch: { samples: 1_000, wait: '1ms' } });
  let commit: () => void = () => undefined;
  store.before = () => new Promise((resolve) => (commit = resolve));
  const deliveries = [...'abcdef'].map((id) => new FakeDelivery(line({ id })));
  bus.send(deliveries[0]!);
  await until('the store is asked', () => store.tries === 1);
  for (const delivery of deliveries.slice(1)) {
    bus.send(delivery);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  commit();
  store.before = () => Promise.resolve();
  await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
  expect(store.batches.map(ids)).toEqual([['a'], ['b', 'c', 'd', 'e', 'f']]);
});

it('leaves half of the prefetch for the next batch, so that reading and committing overlap', async () => {
  const { bus, store } = await started({ prefetch: 8, batch: { samples: 1_000, wait: '10m' } });
  const deliveries = Array.from({ length: 16 }, () => new FakeDelivery(line()));
  bus.send(...deliveries);
  await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
  expect(store.batches.map(({ length }) => length)).toEqual([4, 4, 4, 4]);
});

describe('a message of more than 1 MiB', () => {
  const large = `${line()}\n${' '.repeat(1024 * 1024)}\n`;
  const deliver = (body: string, attempts: number) => Object.assign(new FakeDelivery(body), { attempts });

  it('is set aside whole when collectors have begun it twice and never finished it', async () => {
    const { bus, store, registry } = await started({ batch: { samples: 1 } });
    const delivery = deliver(large, 2);
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
    expect(delivery.dead.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^unfinished: a message of \d+ bytes that was begun 2 times and never finished$/),
    ]);
    expect(delivery.dead[0]!.body.byteLength).toBeGreaterThan(1024 * 1024);
    expect(store.batches).toEqual([]);
    const refused = 'nephoscope_collector_samples_refused_total';
    expect(await metric(registry, refused, { reason: 'unfinished' })).toBe(1);
  });

  it('is read again after it killed one collector; a smaller one is always read again', async () => {
    const { bus, store } = await started({ batch: { samples: 1 } });
    const deliveries = [deliver(large, 1), deliver(line(), 1_000)];
    bus.send(...deliveries);
    await until('they are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
    expect(store.batches.flat()).toHaveLength(2);
  });
});

describe('a message that exceeds the maximum size', () => {
  const huge = () => Buffer.alloc(maxMeteringDocumentBytes + 1, line().padEnd(1_000, ' ') + '\n');

  it('goes to the dead letters unread, as a description, even while the store hangs', async () => {
    const { bus, store, registry, told } = await started({ batch: { samples: 1 } });
    store.before = never;
    bus.send(new FakeDelivery(line()), new FakeDelivery(line()), new FakeDelivery(line()));
    await until('the store is asked', () => store.tries === 1);
    const body = huge();
    const delivery = new FakeDelivery(body);
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
    expect(delivery.dead).toHaveLength(1);
    expect(delivery.dead[0]!.reason).toMatch(/^unreadable: a message of 16777218 bytes, more than 16777216$/);
    const described = JSON.parse(Buffer.from(delivery.dead[0]!.body).toString()) as object;
    expect(described).toMatchObject({
      size: delivery.body.byteLength,
      sha256: createHash('sha256').update(delivery.body).digest('hex'),
    });
    const refused = 'nephoscope_collector_samples_refused_total';
    expect(await metric(registry, refused, { reason: 'unreadable' })).toBe(1);
    expect(told('warn')).toHaveLength(1);
  });

  it('blocks further messages while 48 MiB of its kind wait, until some are gone', async () => {
    const { bus, store, registry, collector } = await started({ prefetch: 50, batch: { samples: 1 } });
    const body = huge();
    let letGo: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const deliveries = Array.from({ length: 8 }, () => {
      const delivery = new FakeDelivery();
      Object.assign(delivery, { body });
      const deadLetter = delivery.deadLetter.bind(delivery);
      delivery.deadLetter = async (reason, bytes) => {
        await gate;
        await deadLetter(reason, bytes);
      };
      return delivery;
    });
    for (const delivery of deliveries) {
      bus.send(delivery);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBe(4);
    expect(bus.waiting).toHaveLength(4);
    letGo();
    const good = new FakeDelivery(line());
    bus.send(good);
    await until('all are settled', () => [...deliveries, good].every(({ outcome }) => outcome === 'ack'));
    expect(deliveries.every(({ dead }) => dead.length === 1)).toBe(true);
    expect(store.batches).toHaveLength(1);
    await collector.stop();
  });
});

// With a slow store they wait so long that consuming starts again, and some deliveries are returned.
it.each([
  ['quick', 0],
  ['slow', 60],
])(
  'holds at most 48 MiB of large messages while the store hangs, and continues with a %s one',
  async (_, commitTime) => {
    const { bus, store, registry } = await started({ prefetch: 400, batch: { samples: 1 } });
    let commit: () => void = () => undefined;
    store.before = () => new Promise((resolve) => (commit = resolve));
    // One body for all, because making one for each would take most of the time.
    const body = Buffer.from(`${line()}\n${' '.repeat(4 * 1024 * 1024)}{\n`);
    const large = () => Object.assign(new FakeDelivery(), { body });
    const deliveries = Array.from({ length: 24 }, large);
    for (const delivery of deliveries) {
      bus.send(delivery);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('the store is asked', () => store.tries === 1);
    // A batch, one read ahead, and those that wait.
    expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBeLessThanOrEqual(2 + 17);
    store.before = () => new Promise((resolve) => setTimeout(resolve, commitTime));
    commit();
    await until('all are settled', () => {
      for (const [at, { outcome }] of deliveries.entries())
        // A broker delivers it again.
        if (outcome === 'requeue') bus.send((deliveries[at] = large()));
      return deliveries.every(({ outcome }) => outcome === 'ack');
    });
    expect(store.batches.flat()).toHaveLength(24);
  },
);
