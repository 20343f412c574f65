import { jest } from '@jest/globals';
import type { FakeDelivery } from '@nephoscope/testing';

import { until } from '../support.js';
import { active, bytes, delivery, enveloped, volumeCreated, volumePlugin } from './material.js';
import { away, never, numbered, samples, settled, started } from './listening.js';

// Pauses are randomised; this makes each one as long as it can be.
beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
afterEach(() => jest.restoreAllMocks());

describe('while the bus accepts nothing', () => {
  it('acknowledges nothing, retries with growing pauses, logs it once, and recovers', async () => {
    const { bus, clock, count, listener, told } = await started([volumePlugin]);
    bus.answer = away;
    const one = delivery(enveloped(volumeCreated));
    bus.send(one);
    await until('it sleeps', () => clock.sleepers === 1);
    for (const [index, pause] of [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000].entries()) {
      await clock.advance(pause - 1);
      expect(bus.offered).toHaveLength(index + 1);
      await clock.advance(1);
      expect(bus.offered).toHaveLength(index + 2);
    }
    expect(one.outcome).toBeUndefined();
    expect(listener.health()).toEqual({
      ok: false,
      reason: 'the bus does not accept counters from notifications: the broker is away',
    });
    expect(told('warn')).toHaveLength(1);
    expect(await count('notification_publish_failures_total')).toBe(9);

    bus.answer = () => Promise.resolve();
    await clock.advance(15_000);
    await settled(one);
    expect(one.outcome).toBe('ack');
    expect(samples(bus.confirmed)).toHaveLength(1);
    expect(listener.health()).toEqual({ ok: true });
    expect(told('info').at(-1)!.message).toBe('the bus accepts counters from notifications again');
  });

  it('publishes again only what was not confirmed', async () => {
    const { bus, clock } = await started();
    bus.answer = ({ routingKey }) => (routingKey === 'metering.volume' ? Promise.resolve() : away());
    const one = delivery(enveloped(volumeCreated));
    bus.send(one);
    await until('it sleeps', () => clock.sleepers === 1);
    bus.answer = () => Promise.resolve();
    await clock.advance(250);
    await settled(one);
    expect(bus.offered.map(({ routingKey }) => routingKey)).toEqual([
      'metering.volume',
      'metering.volume.size',
      'metering.volume.size',
    ]);
  });

  it('does not acknowledge a notification before its dead letter is confirmed', async () => {
    const { bus, clock, told } = await started();
    const one = delivery(bytes('{'));
    one.deadLetterFails = true;
    bus.send(one);
    await until('it is tried again', () => told('warn').length === 1 && clock.sleepers === 1);
    expect(one.outcome).toBeUndefined();
    one.deadLetterFails = false;
    await clock.advance(500);
    await settled(one);
    expect([one.outcome, one.dead.length]).toEqual(['ack', 1]);
  });

  it('holds no more notifications than the prefetch', async () => {
    const { bus, count } = await started([volumePlugin], { prefetch: 3 });
    bus.answer = never;
    bus.send(...Array.from({ length: 20 }, (_, index) => delivery(numbered(index))));
    expect(bus.pump()).toBe(3);
    expect(bus.waiting).toHaveLength(17);
    expect(await count('notifications_under_way')).toBe(3);
  });

  it('holds no more than the prefetch when they are delivered again after a lost connection', async () => {
    const { bus, clock, count } = await started([volumePlugin], { prefetch: 3 });
    bus.answer = away;
    const waves: FakeDelivery[][] = [];
    for (let wave = 0; wave < 5; wave++) {
      const deliveries = [1, 2, 3].map((index) => delivery(numbered(index)));
      waves.push(deliveries);
      bus.send(...deliveries);
      await until('they sleep', () => clock.sleepers === 3);
      expect(await count('notifications_under_way')).toBe(3);
      // The bus reports them as gone with their connection.
      for (const one of deliveries) one.onSettled();
      await new Promise((resolve) => setImmediate(resolve));
    }
    bus.answer = () => Promise.resolve();
    await clock.advance(250);
    await settled(...waves.flat());
    expect(waves.at(-1)!.map(({ outcome }) => outcome)).toEqual(['ack', 'ack', 'ack']);
    expect(
      new Set(
        waves
          .slice(0, -1)
          .flat()
          .map(({ outcome }) => outcome),
      ),
    ).toEqual(new Set(['requeue']));
    expect(samples(bus.confirmed)).toHaveLength(3);
  });
});

describe('stop', () => {
  it('is safe before the start, twice and at the same time', async () => {
    const { listener } = await started();
    await Promise.all([listener.stop(), listener.stop()]);
    await listener.stop();
  });

  it('acknowledges what the bus confirms, returns the rest to the queue, and consumes no more', async () => {
    const { bus, listener } = await started([volumePlugin]);
    let confirm: () => void = () => undefined;
    bus.answer = () => new Promise((resolve) => (confirm = resolve));
    const confirmed = delivery(numbered(1));
    bus.send(confirmed);
    await until('it is offered', () => bus.offered.length === 1);
    bus.answer = away;
    const refused = delivery(numbered(2));
    bus.send(refused);
    await until('it is refused', () => bus.offered.length === 2);
    const stopped = listener.stop();
    confirm();
    await stopped;
    expect([confirmed.outcome, refused.outcome]).toEqual(['ack', 'requeue']);
    const late = delivery(numbered(3));
    bus.send(late);
    expect(late.outcome).toBeUndefined();
    expect(bus.offered).toHaveLength(2);
  });

  it('gives up on a hanging bus after 2 s, and acknowledges nothing', async () => {
    const { bus, clock, listener } = await started([volumePlugin]);
    bus.answer = never;
    const one = delivery(enveloped(volumeCreated));
    bus.send(one);
    await until('it is offered', () => bus.offered.length === 1);
    const stopped = listener.stop();
    await until('it waits', () => clock.sleepers === 1);
    await clock.advance(2_000);
    await stopped;
    expect(one.outcome).toBeUndefined();
  });
});

describe('a large notification', () => {
  const networks = (count: number) =>
    bytes({
      ...volumeCreated,
      event_type: 'volume.bulk',
      payload: {
        ...volumeCreated.payload,
        networks: Array.from({ length: count }, (_, n) => ({ id: `${n}`, text: 'x'.repeat(200) })),
      },
    });
  const ofEach = active('bulk', {
    *processNotification(notification) {
      const [counter] = volumePlugin.handler.processNotification(notification);
      for (const { id } of notification.payload['networks'] as unknown as { id: string }[])
        yield { ...counter!, resourceId: `network-${id}` };
    },
  });

  it('lets other tasks run while it is read, and small ones that arrive later are finished first', async () => {
    const { bus } = await started([ofEach]);
    let turns = 0;
    const countTurns = () => {
      turns += 1;
      if (large.outcome === undefined) setImmediate(countTurns);
    };
    const [large, other, small] = [networks(5_000), networks(5_000), networks(1)].map((body) =>
      delivery(body),
    ) as [FakeDelivery, FakeDelivery, FakeDelivery];
    bus.send(large, other, small);
    setImmediate(countTurns);
    await settled(small);
    expect(other.outcome).toBeUndefined();
    await settled(large, other);
    // Turns come from reading, from each plugin, and from signing in pieces.
    expect(turns).toBeGreaterThan(4);
    // No larger than an agent's messages, so that a collector accepts them.
    expect(bus.confirmed.every(({ body }) => body.byteLength <= 127 * 1024)).toBe(true);
    const lines = bus.confirmed.flatMap(({ body }) => Buffer.from(body).toString().trimEnd().split('\n'));
    expect(new Set(lines).size).toBe(5_000);
  });

  it('of a type that no plugin handles is not parsed, whatever it contains', async () => {
    const { bus, count } = await started([volumePlugin]);
    const one = delivery(
      Buffer.from(`{"event_type":"image.update","payload":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`),
    );
    const wanted = delivery(
      Buffer.from(`{"event_type":"volume.create.end","payload":[${'1,'.repeat(200_000)}1]}`),
    );
    bus.send(one, wanted);
    await settled(one, wanted);
    expect([one, wanted].map(({ dead }) => dead.length)).toEqual([0, 1]);
    expect(wanted.dead[0]?.reason).toMatch(/more than 200000 values/);
    expect(await count('notifications_unwanted_total')).toBe(1);
  });
});
