import { jest } from '@jest/globals';
import { Secret } from '@nephoscope/core/options';
import { createSigner, formatJson, maxMeteringLineBytes, meteringTopology, parseJson } from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';

import { FakeDelivery, failing, ids, line, metric, secret, started, until } from './support.js';

/** A signed metering message whose volume is null. */
function withoutVolume(): string {
  const message = parseJson(line({ form: 'ceilometer' })) as JsonObject;
  const fields = [...message].filter(([key]) => key !== 'message_signature');
  const { writer, sign } = createSigner({ secret, form: 'ceilometer' });
  const none = fields
    .map(([key, value]) => [key, key === 'counter_volume' ? null : value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const signature = sign(none.map(([key, value]) => writer.field(key, value)).join(''));
  return formatJson(new Map([...none, ['message_signature', signature]]));
}

const never = () => new Promise<never>(() => undefined);

it('consumes the queue that it declared together with its dead letters', async () => {
  const { bus, collector } = await started();
  expect(bus.declared).toEqual([meteringTopology]);
  expect(collector.health()).toEqual({ ok: true });
});

describe('recording', () => {
  it('acknowledges a message after its samples are committed, and not before', async () => {
    const { bus, store } = await started();
    let commit: () => void = () => undefined;
    store.before = () => new Promise((resolve) => (commit = resolve));
    const delivery = new FakeDelivery(line({ id: 'a' }), line({ id: 'b' }));
    bus.send(delivery);
    await until('the store is asked', () => store.tries === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(delivery.outcome).toBeUndefined();
    commit();
    await until('it is settled', () => delivery.outcome !== undefined);
    expect(delivery.outcome).toBe('ack');
    expect(store.batches.map(ids)).toEqual([['a', 'b']]);
  });

  it('records messages that arrive together in one transaction, which exceeds the configured size by one message at most', async () => {
    const { bus, store } = await started({ batch: { samples: 4, wait: '10m' } });
    const deliveries = Array.from({ length: 4 }, () => new FakeDelivery(line(), line(), line()));
    bus.send(...deliveries);
    await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
    expect(store.batches.map(({ length }) => length)).toEqual([6, 6]);
  });

  it('does not wait longer than configured for more samples', async () => {
    const { bus, store } = await started({ batch: { samples: 1_000, wait: '1ms' } });
    const delivery = new FakeDelivery(line());
    bus.send(delivery);
    await until('it is recorded', () => delivery.outcome === 'ack');
    expect(store.batches).toHaveLength(1);
  });

  it('keeps messages in order, in one transaction after another', async () => {
    const { bus, store } = await started({ batch: { samples: 1 } });
    let inside = 0;
    let most = 0;
    store.before = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    const deliveries = ['a', 'b', 'c', 'd'].map((id) => new FakeDelivery(line({ id })));
    bus.send(...deliveries);
    await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
    expect(store.batches.map(ids)).toEqual([['a'], ['b'], ['c'], ['d']]);
    expect(most).toBe(1);
  });

  it('counts new samples and duplicates', async () => {
    const { bus, registry } = await started();
    const deliveries = [
      new FakeDelivery(line({ id: 'x' }), line({ id: 'y' })),
      new FakeDelivery(line({ id: 'x' })),
    ];
    bus.send(...deliveries);
    await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
    expect(await metric(registry, 'nephoscope_collector_messages_total')).toBe(2);
    expect(await metric(registry, 'nephoscope_collector_samples_recorded_total')).toBe(2);
    expect(await metric(registry, 'nephoscope_collector_samples_duplicate_total')).toBe(1);
    expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBe(0);
  });

  it('holds no more messages than the prefetch, however long the store takes to commit', async () => {
    const { bus, store, registry } = await started({ prefetch: 3, batch: { samples: 1 } });
    store.before = never;
    bus.send(...Array.from({ length: 50 }, () => new FakeDelivery(line())));
    await until('the store is asked', () => store.tries === 1);
    expect(bus.pump()).toBe(3);
    expect(bus.waiting).toHaveLength(47);
    expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBe(3);
  });
});

it('acknowledges a sample without a volume, counts it, and logs its meter once', async () => {
  const { bus, store, registry, told } = await started({ signatures: ['canonical', 'ceilometer'] });
  const none = withoutVolume();
  for (const delivery of [
    new FakeDelivery(none),
    new FakeDelivery(line({ id: 'good' }), none),
    new FakeDelivery(none, none),
  ]) {
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome !== undefined);
    expect([delivery.outcome, delivery.dead]).toEqual(['ack', []]);
  }
  expect(store.batches.map(ids)).toEqual([['good']]);
  expect(await metric(registry, 'nephoscope_collector_samples_without_volume_total')).toBe(4);
  expect(await metric(registry, 'nephoscope_collector_samples_refused_total')).toBe(0);
  expect(told('warn')).toEqual([]);
  expect(told('info')).toEqual([expect.stringContaining('a sample of cpu has no volume (null)')]);
});

describe('a bad line', () => {
  const good = line({ id: 'good' });
  const wrong = line({ key: new Secret('another secret') });
  it.each([
    ['unsigned', line().replace(/,"message_signature":"[^"]*"/, '')],
    ['signature-malformed', line().replace(/"message_signature":"[^"]*"/, '"message_signature":"ABC"')],
    ['form-unknown', line().replace('"signature_form":"canonical"', '"signature_form":"rot13"')],
    ['form-refused', line({ form: 'ceilometer' })],
    ['form-refused', line({ form: 'ceilometer', key: new Secret('another secret') })],
    ['signature-wrong', wrong],
    ['signature-wrong', line({ volume: 1n }).replace('"counter_volume":1,', '"counter_volume":2,')],
    ['unreadable', '{"counter_name":'],
    ['unreadable', '[]'],
    ['unreadable', '{"counter_name":"cpu"}'],
    ['unreadable', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('goes to the dead letters as %s, and the other lines are recorded', async (reason, bad) => {
    const { bus, store, registry, told } = await started();
    const delivery = new FakeDelivery(good, bad, line({ id: 'also good' }));
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome !== undefined);
    expect(delivery.outcome).toBe('ack');
    expect(store.batches.map(ids)).toEqual([['good', 'also good']]);
    expect(delivery.dead).toHaveLength(1);
    expect(delivery.dead[0]!.reason).toMatch(new RegExp(`^${reason}: .{10}`));
    expect(Buffer.from(delivery.dead[0]!.body).equals(Buffer.from(bad))).toBe(true);
    expect(await metric(registry, 'nephoscope_collector_samples_refused_total', { reason })).toBe(1);
    expect(told('warn')).toEqual([`a metering message went to the dead letters: ${delivery.dead[0]!.reason}`]);
  });

  it('that exceeds the maximum length is described in the dead letters, and the other lines are recorded', async () => {
    const { bus, store } = await started();
    const delivery = new FakeDelivery(good, 'x'.repeat(maxMeteringLineBytes + 1));
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome !== undefined);
    expect(store.batches.map(ids)).toEqual([['good']]);
    expect(JSON.parse(Buffer.from(delivery.dead[0]!.body).toString())).toMatchObject({
      size: maxMeteringLineBytes + 1,
      reason: delivery.dead[0]!.reason,
    });
  });

  it("names the setting to use with Ceilometer's agents, and with that setting their messages are accepted", async () => {
    const bad = line({ id: 'of Ceilometer', form: 'ceilometer' });
    const { bus, told } = await started();
    bus.send(new FakeDelivery(bad));
    await until('it is told', () => told('warn').length === 1);
    const [text] = told('warn') as [string];
    expect(text).toContain('`collector: { signatures: [canonical, ceilometer] }`');
    const { bus: other, store } = await started({ signatures: ['canonical', 'ceilometer'] });
    const delivery = new FakeDelivery(bad);
    other.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
    expect(store.batches.map(ids)).toEqual([['of Ceilometer']]);
  });

  it("in Ceilometer's form goes to the dead letters if a different message may have been signed", async () => {
    const { bus, store, registry } = await started({ signatures: ['canonical', 'ceilometer'] });
    const text = line({ id: 'm', form: 'ceilometer' });
    const cut = text.replace('"message_id":"m","project_id":"p"', '"message_id":"mproject_idp","project_id":null');
    const missing = text.replace('"message_id":"m","project_id":"p"', '"message_id":"mproject_idp"');
    const delivery = new FakeDelivery(cut, missing, text);
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
    expect(store.batches.map(ids)).toEqual([['m']]);
    expect(delivery.dead.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^signature-wrong: /),
      expect.stringMatching(/^form-ambiguous: .*its project_id is missing$/),
    ]);
    expect(
      await metric(registry, 'nephoscope_collector_samples_refused_total', { reason: 'form-ambiguous' }),
    ).toBe(1);
  });

  it('is logged once for each message, however many bad lines it has', async () => {
    const { bus, registry, told } = await started();
    const delivery = new FakeDelivery(wrong, wrong, '{');
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
    expect(told('warn')).toEqual([
      expect.stringMatching(/^3 metering messages went to the dead letters, among them: signature-wrong: /),
    ]);
    expect(await metric(registry, 'nephoscope_collector_samples_refused_total')).toBe(3);
  });

  it.each([
    ['', Buffer.alloc(0)],
    ['only line feeds', Buffer.from('\n\n')],
  ])('is reported for an empty message (%s)', async (_, body) => {
    const { bus } = await started();
    const delivery = new FakeDelivery();
    Object.assign(delivery, { body });
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
    expect(delivery.dead).toEqual([{ reason: 'unreadable: the message is empty', body }]);
  });

  it('is not sent to the dead letters before the good lines are recorded', async () => {
    const { bus, store } = await started();
    store.before = never;
    const delivery = new FakeDelivery(good, wrong);
    bus.send(delivery);
    await until('the store is asked', () => store.tries === 1);
    expect(delivery.dead).toEqual([]);
  });

  it('makes the collector unhealthy when a batch is neither recorded nor refused for 3 minutes', async () => {
    const { bus, clock, collector, store } = await started({ batch: { samples: 1, wait: '1ms' } });
    store.before = () => new Promise(() => undefined);
    bus.send(new FakeDelivery(line()));
    await until('the store is asked', () => store.tries === 1);
    await clock.advance(180_000);
    expect(collector.health()).toEqual({ ok: true });
    await clock.advance(1);
    expect(collector.health()).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^a batch is neither recorded nor refused since /),
      isStuck: true,
    });
  });

  it('keeps its message waiting while dead letters are refused, which is reported; other messages are recorded', async () => {
    const { bus, clock, collector, store, told, registry } = await started({ batch: { samples: 1, wait: '1ms' } });
    const stuck = new FakeDelivery(good, wrong);
    stuck.deadLetterFails = true;
    bus.send(stuck);
    await until('it was tried', () => told('warn').length === 1);
    expect(told('warn')).toEqual([
      'messages wait in the queue because their dead letters are refused; retrying: the broker is away',
    ]);
    expect(collector.health()).toEqual({
      ok: false,
      reason:
        "dead letters of 'metering' have been refused since 2026-11-22T21:00:00.000Z, 1 messages are waiting: the broker is away",
    });
    const other = new FakeDelivery(line());
    bus.send(other);
    await until('the other is recorded', () => other.outcome === 'ack');
    expect([stuck.outcome, await metric(registry, 'nephoscope_collector_samples_refused_total')]).toEqual([
      undefined,
      0,
    ]);

    stuck.deadLetterFails = false;
    await clock.advance(500);
    expect(stuck.outcome).toBe('ack');
    expect(stuck.dead).toHaveLength(1);
    expect(await metric(registry, 'nephoscope_collector_samples_refused_total')).toBe(1);
    expect(store.tries).toBe(2);
    expect(collector.health()).toEqual({ ok: true });
    expect(told('info')).toEqual(['dead letters are accepted again']);
    await collector.stop();
  });

  it('leaves room for good messages however many wait with it, retries one at a time, and logs one line a minute', async () => {
    const { bus, clock, collector, told, registry } = await started({ prefetch: 4, batch: { wait: '1ms' } });
    const stuck = Array.from({ length: 100 }, () => new FakeDelivery(wrong));
    let tries = 0;
    for (const delivery of stuck) {
      delivery.deadLetterFails = true;
      const deadLetter = delivery.deadLetter.bind(delivery);
      delivery.deadLetter = (reason, part) => (tries++, deadLetter(reason, part));
    }
    const other = new FakeDelivery(line());
    bus.send(...stuck, other);
    await until('the other is recorded', () => other.outcome === 'ack');
    expect(bus.waiting).toEqual([]);
    const before = tries;
    await clock.advance(60_000);
    // In the end it retries after 7.5 to 15 s.
    expect(tries - before).toBeLessThan(16);
    expect(told('warn').length).toBeLessThanOrEqual(2);

    for (const delivery of stuck) delivery.deadLetterFails = false;
    await clock.advance(15_000);
    expect(stuck.every(({ outcome, dead }) => outcome === 'ack' && dead.length === 1)).toBe(true);
    expect(await metric(registry, 'nephoscope_collector_samples_refused_total')).toBe(100);
    expect(await metric(registry, 'nephoscope_collector_messages_under_way')).toBe(0);
    await collector.stop();
  });

  it('is logged at its first occurrence and then once a minute, with the number of occurrences', async () => {
    const { bus, clock, collector, told } = await started();
    const deliveries = Array.from({ length: 500 }, () => new FakeDelivery(wrong));
    bus.send(...deliveries);
    await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
    expect(told('warn')).toHaveLength(1);
    await clock.advance(60_000);
    expect(told('warn')).toEqual([
      expect.stringMatching(/^a metering message went to the dead letters: signature-wrong: /),
      expect.stringMatching(/^499 metering messages went to the dead letters, among them: signature-wrong: /),
    ]);
    await collector.stop();
  });
});

describe('while the store fails', () => {
  // Pauses are randomised; this makes each one as long as it can be.
  beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
  afterEach(() => jest.restoreAllMocks());

  it('acknowledges nothing, retries with growing pauses, reports the reason, and recovers', async () => {
    const { bus, clock, collector, store, registry, told } = await started({ batch: { samples: 1 } });
    store.before = failing;
    const deliveries = [new FakeDelivery(line({ id: 'a' })), new FakeDelivery(line({ id: 'b' }))];
    bus.send(...deliveries);
    await until('it was tried', () => told('error').length === 1);
    expect(told('error')).toEqual([
      'the store does not accept samples, which stay in the queue; next attempt in 0.25 s: the disk is full',
    ]);
    expect(collector.health()).toEqual({ ok: false, reason: 'the disk is full' });

    for (const [pause, tries] of [
      [250, 2],
      [500, 3],
      [1_000, 4],
      [2_000, 5],
      [4_000, 6],
      [8_000, 7],
      [15_000, 8],
      [15_000, 9],
    ] as const) {
      await clock.advance(pause - 1);
      expect(store.tries).toBe(tries - 1);
      await clock.advance(1);
      expect(store.tries).toBe(tries);
    }
    expect(deliveries.map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
    expect(await metric(registry, 'nephoscope_collector_store_failures_total')).toBe(9);

    store.before = () => Promise.resolve();
    await clock.advance(15_000);
    await until('all are settled', () => deliveries.every(({ outcome }) => outcome === 'ack'));
    expect(store.batches.map(ids)).toEqual([['a'], ['b']]);
    expect(collector.health()).toEqual({ ok: true });
    expect(told('info')).toEqual(['the store accepts samples again']);
  });
});

describe('stop', () => {
  it('is safe before the start, twice and at the same time', async () => {
    const { collector } = await started();
    await Promise.all([collector.stop(), collector.stop()]);
    await collector.stop();
  });

  it('finishes the transaction in progress and returns all other messages to the queue', async () => {
    const { bus, collector, store } = await started({ batch: { samples: 1 } });
    let commit: () => void = () => undefined;
    store.before = () => new Promise((resolve) => (commit = resolve));
    const deliveries = [new FakeDelivery(line()), new FakeDelivery(line()), new FakeDelivery(line())];
    bus.send(...deliveries);
    await until('the store is asked', () => store.tries === 1);
    const stopped = collector.stop();
    commit();
    await stopped;
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['ack', 'requeue', 'requeue']);
    expect(store.tries).toBe(1);
  });

  it('returns messages that were waiting for a larger batch', async () => {
    const { bus, collector, store } = await started({ batch: { samples: 1_000, wait: '10m' } });
    const delivery = new FakeDelivery(line());
    bus.send(delivery);
    await collector.stop();
    expect(delivery.outcome).toBe('requeue');
    expect(store.tries).toBe(0);
  });

  it('returns all messages while the store fails', async () => {
    const { bus, collector, store, told } = await started({ batch: { samples: 1 } });
    store.before = failing;
    const deliveries = [new FakeDelivery(line()), new FakeDelivery(line())];
    bus.send(...deliveries);
    await until('it was tried', () => told('error').length === 1);
    await collector.stop();
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['requeue', 'requeue']);
    expect(store.tries).toBe(1);
  });

  it('returns messages that were waiting for their dead letters', async () => {
    const { bus, collector, told } = await started();
    const delivery = new FakeDelivery('{');
    delivery.deadLetterFails = true;
    bus.send(delivery);
    await until('it was tried', () => told('warn').length === 1);
    await collector.stop();
    expect(delivery.outcome).toBe('requeue');
  });

  it('gives up on a hanging store after 3 s, and acknowledges nothing', async () => {
    const { bus, clock, collector, store } = await started();
    store.before = never;
    const delivery = new FakeDelivery(line());
    bus.send(delivery);
    await until('the store is asked', () => store.tries === 1);
    const stopped = collector.stop();
    await clock.advance(3_000);
    await stopped;
    expect(delivery.outcome).toBeUndefined();
  });
});
