import {
  NephoscopeError,
  PayloadReader,
  meteringTopology,
  parseTimestamp,
  readMeteringMessage,
  splitMeteringBatch,
} from '@nephoscope/core';
import type { Metadata, Notification, OutgoingMessage, SignatureForm } from '@nephoscope/core';
import { FakeBus, FakeClock, RecordingLogger } from '@nephoscope/testing';
import type { FakeDelivery } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import type { ActiveHandler } from '../../src/notifications/handlers.js';
import { NotificationListener } from '../../src/notifications/listener.js';
import type { NotificationListenerParts } from '../../src/notifications/listener.js';
import { notificationsOptions } from '../../src/notifications/options.js';
import { metric, secret, until } from '../support.js';
import {
  active,
  bytes,
  capture,
  capturesWithToken,
  delivery,
  enveloped,
  queue,
  volumeCreated,
  volumePlugin,
  volumeSizePlugin,
} from './material.js';

const never = () => new Promise<never>(() => undefined);
const away = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'the broker is away'));

const failingPlugin = active('failing', {
  processNotification: () => {
    throw new NephoscopeError('NOTIFICATION_FIELD', 'the notification has no payload.size');
  },
});

async function started(
  handlers: readonly ActiveHandler[] = [volumePlugin, volumeSizePlugin],
  options: Record<string, unknown> = {},
  more: Partial<NotificationListenerParts> = {},
) {
  const [bus, clock, logger, registry] = [new FakeBus(), new FakeClock(), new RecordingLogger(), new Registry()];
  const listener = new NotificationListener({
    options: notificationsOptions.parse(options),
    source: 'openstack',
    host: 'controller-1',
    secrets: [secret],
    signature: 'canonical' as SignatureForm,
    bus,
    handlers,
    failedPlugins: 0,
    logger,
    clock,
    registry,
    ...more,
  });
  await listener.start();
  const told = (level: string) => logger.entries.filter((entry) => entry.level === level);
  const count = (name: string, labels?: Record<string, string>) =>
    metric(registry, `nephoscope_collector_${name}`, labels);
  return { listener, bus, clock, logger, told, count };
}

const samples = (messages: readonly OutgoingMessage[]) =>
  messages.flatMap(({ body }) =>
    Array.from(splitMeteringBatch(body), (line) => readMeteringMessage(line as string).sample),
  );

/** Ids of the example, told apart. */
const numbered = (index: number) => enveloped({ ...volumeCreated, message_id: `notification-${index}` });

async function settled(...deliveries: readonly FakeDelivery[]): Promise<void> {
  await until('they are settled', () => deliveries.every(({ outcome }) => outcome !== undefined));
}

const dead = (letter: FakeDelivery) =>
  letter.dead.map(({ reason, body }) => ({
    reason,
    body: JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>,
  }));

describe('its queue', () => {
  it('is ours, bounded, and bound to the exchanges and topics that the plugins name', async () => {
    const versioned = active('versioned', {
      exchangeTopics: ({ notificationTopics }) => [
        {
          exchange: 'nova',
          topics: [...notificationTopics.map((topic) => `${topic}.info`), 'versioned_notifications.info'],
        },
        { exchange: 'openstack', topics: ['notifications.info', 'notifications.error'] },
      ],
    });
    const { bus, listener } = await started([volumePlugin, volumeSizePlugin, versioned]);
    const common = {
      exchangeOf: 'others',
      queue,
      deadLetterQueue: `${queue}.dead`,
      maxBytes: 1024 ** 3,
      onGap: expect.any(Function),
    };
    expect(bus.declared).toEqual([
      meteringTopology,
      { ...common, exchange: 'openstack', bindings: ['notifications.info', 'notifications.error'] },
      { ...common, exchange: 'nova', bindings: ['notifications.info', 'versioned_notifications.info'] },
    ]);
    expect(listener.health()).toEqual({ ok: true });
  });

  it('has the name and the bound that were configured', async () => {
    const { bus } = await started([volumePlugin], { queue: { name: 'mine', maxBytes: 1_000_000 } });
    expect(bus.declared[1]).toMatchObject({ queue: 'mine', deadLetterQueue: 'mine.dead', maxBytes: 1_000_000 });
  });

  it("may be the services' own, which is taken as it is", async () => {
    const { bus } = await started([volumePlugin], { queue: { of: 'others' } });
    expect(bus.declared).toEqual([
      meteringTopology,
      {
        exchange: '',
        exchangeOf: 'others',
        queue: 'notifications.info',
        queueOf: 'others',
        bindings: [],
        deadLetterQueue: 'notifications.info.dead',
      },
    ]);
  });

  it('is not even declared without a plugin', async () => {
    const { bus, listener, told } = await started([]);
    expect(bus.declared).toEqual([]);
    expect(listener.health()).toEqual({ ok: true });
    expect(told('info').map(({ message }) => message)).toEqual([
      'no notification plugin runs: notifications are not listened to',
    ]);
    await listener.stop();
  });
});

describe('a notification', () => {
  it('is acknowledged when all its counters are confirmed, and not before', async () => {
    const { bus, count } = await started();
    const confirm: (() => void)[] = [];
    bus.answer = () => new Promise((resolve) => confirm.push(resolve));
    const one = delivery(enveloped(volumeCreated));
    bus.send(one);
    await until('both are offered', () => confirm.length === 2);
    confirm[0]!();
    await new Promise((resolve) => setImmediate(resolve));
    expect(one.outcome).toBeUndefined();
    expect(await count('notifications_under_way')).toBe(1);
    confirm[1]!();
    await settled(one);
    expect(one.outcome).toBe('ack');
    expect(samples(bus.confirmed).map(({ meter, volume }) => [meter, volume])).toEqual([
      ['volume', '1'],
      ['volume.size', '20'],
    ]);
    expect(await count('notifications_total')).toBe(1);
    expect(await count('notifications_translated_total', { plugin: 'volume' })).toBe(1);
    expect(await count('notifications_translated_total', { plugin: 'volume_size' })).toBe(1);
    expect(await count('notification_samples_total')).toBe(2);
    expect(await count('notifications_under_way')).toBe(0);
  });

  it('that comes twice has the same message ids', async () => {
    const { bus } = await started();
    const both = [delivery(enveloped(volumeCreated)), delivery(bytes(volumeCreated))];
    bus.send(...both);
    await settled(...both);
    const ids = samples(bus.confirmed).map(({ messageId }) => messageId);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(2);
  });

  it('that nobody asked for is acknowledged and counted, whatever is in it', async () => {
    const { bus, count, logger } = await started();
    const before = logger.entries.length;
    const unwanted = capturesWithToken.map((name) => delivery(bytes(capture(name).body)));
    const broken = delivery(bytes({ event_type: 'compute.metrics.update', payload: [] }));
    bus.send(...unwanted, broken);
    await settled(...unwanted, broken);
    expect([...unwanted, broken].map(({ outcome, dead }) => [outcome, dead])).toEqual(
      Array.from({ length: 6 }, () => ['ack', []]),
    );
    expect(bus.offered).toEqual([]);
    expect(logger.entries).toHaveLength(before);
    expect(await count('notifications_unwanted_total')).toBe(6);
  });

  it('goes to the plugins alone that asked for its type', async () => {
    const seen: string[] = [];
    const asking = (name: string, eventTypes: readonly string[]) =>
      active(name, {
        eventTypes,
        processNotification: ({ eventType }) => {
          seen.push(`${name} ${eventType}`);
          return [];
        },
      });
    const { bus } = await started([
      asking('all', ['volume.*']),
      asking('ends', ['*.end']),
      asking('one', ['volume.exists']),
    ]);
    const types = ['volume.create.end', 'volume.exists', 'volumes.exists'];
    const deliveries = types.map((event_type) => delivery(bytes({ ...volumeCreated, event_type })));
    bus.send(...deliveries);
    await settled(...deliveries);
    expect(seen).toEqual([
      'all volume.create.end',
      'ends volume.create.end',
      'all volume.exists',
      'one volume.exists',
    ]);
  });

  it('is shown to the observer before any plugin, which is not waited for and may fail', async () => {
    const seen: string[] = [];
    const plugin = active('plugin', { processNotification: () => (seen.push('plugin'), []) });
    const observer = {
      eventTypes: ['volume.create.end', 'compute.instance.update'],
      observe: ({ eventType }: Notification) => {
        seen.push(eventType);
        throw new TypeError('gAAAAABtopsecret');
      },
    };
    const { bus, told } = await started([plugin], {}, { observer });
    const both = ['volume.create.end', 'compute.instance.update', 'volume.exists'].map((event_type) =>
      delivery(bytes({ ...volumeCreated, event_type })),
    );
    bus.send(...both);
    await settled(...both);
    expect(seen).toEqual(['volume.create.end', 'plugin', 'compute.instance.update', 'plugin']);
    expect(both.map(({ outcome }) => outcome)).toEqual(['ack', 'ack', 'ack']);
    expect(told('error')).toHaveLength(2);
    expect(JSON.stringify(told('error'))).not.toContain('gAAAAAB');
  });
});

describe('a time that is none', () => {
  it.each(['created_at', 'updated_at', 'launched_at', 'terminated_at', 'deleted_at'])(
    'in %s is not passed on, and told once a minute',
    async (key) => {
      const plugin = active('picking', {
        processNotification: ({ payload, timestamp }) => [
          {
            ...{ name: 'volume', type: 'gauge', unit: 'volume', volume: 1 },
            ...{ userId: null, projectId: 'project-1', resourceId: 'volume-1' },
            timestamp: parseTimestamp(timestamp),
            resourceMetadata: new PayloadReader(payload).pick([key]),
          },
        ],
      });
      const { bus, clock, told } = await started([plugin]);
      const sent = ['not a time', 'None', '2026-11-22 20:00:00'].map((time, index) =>
        delivery(
          bytes({
            ...volumeCreated,
            message_id: `notification-${index}`,
            payload: { ...volumeCreated.payload, [key]: time },
          }),
        ),
      );
      bus.send(...sent);
      await settled(...sent);
      expect(sent.map(({ outcome }) => outcome)).toEqual(['ack', 'ack', 'ack']);
      const lines = bus.confirmed.flatMap(({ body }) => [...splitMeteringBatch(body)].map(String));
      expect(
        lines.map((line) => (JSON.parse(line) as { resource_metadata: Metadata }).resource_metadata[key]),
      ).toEqual([null, null, '2026-11-22 20:00:00']);
      const line = `'${key}' of a notification ('volume.create.end') is no time, and is not passed on`;
      expect(told('warn').map(({ message }) => message)).toEqual([line]);
      await clock.advance(60_000);
      expect(told('warn').map(({ message }) => message)).toEqual([line, line]);
    },
  );
});

describe('a plugin that fails', () => {
  it('costs its own counters; a reduced notification goes to the dead letters with its name', async () => {
    const { bus, count, told } = await started([failingPlugin, volumePlugin]);
    const one = delivery(
      enveloped({ ...volumeCreated, payload: { ...volumeCreated.payload, auth_token: 'abc' } }),
    );
    bus.send(one);
    await settled(one);
    expect(one.outcome).toBe('ack');
    expect(samples(bus.confirmed).map(({ meter }) => meter)).toEqual(['volume']);
    const reason = "failed: plugin 'failing': NOTIFICATION_FIELD: the notification has no payload.size";
    expect(dead(one)).toEqual([{ reason, body: expect.objectContaining(volumeCreated) as unknown }]);
    expect(await count('notifications_failed_total', { plugin: 'failing' })).toBe(1);
    expect(await count('notifications_translated_total')).toBe(1);
    expect(told('warn').map(({ message }) => message)).toEqual([
      `a notification went to the dead letters: ${reason}`,
    ]);
  });

  it.each(['9999-12-31 23:59:59.999999', '2262-04-12 00:00:00', '1677-09-21 00:00:00', '0001-01-01T00:00:00'])(
    'of %s is refused with the reason before anything of it is signed',
    async (timestamp) => {
      const { bus } = await started([volumePlugin]);
      const letter = delivery(enveloped({ ...volumeCreated, timestamp }));
      bus.send(letter);
      await settled(letter);
      expect(bus.offered).toEqual([]);
      // It is of no time that an event can be of; nor can it be recorded when an operator puts it back.
      expect(dead(letter).map(({ reason }) => reason)).toEqual([expect.stringMatching(/^(?:early|late): /)]);
      const again = delivery(letter.dead[0]!.body);
      bus.send(again);
      await settled(again);
      expect(bus.offered).toEqual([]);
      expect(dead(again).map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/COUNTER_INVALID: .*a timestamp that is no .* in the years 1678 to 2262$/),
      ]);
    },
  );

  it('has its counters when the dead letter is sent again, and the others none twice', async () => {
    const { bus } = await started([failingPlugin, volumePlugin]);
    const first = delivery(enveloped(volumeCreated));
    bus.send(first);
    await settled(first);
    const mended = await started([volumeSizePlugin, volumePlugin]);
    const again = delivery(first.dead[0]!.body);
    mended.bus.send(again);
    await settled(again);
    expect(again.dead).toEqual([]);
    const [volume] = samples(bus.confirmed);
    expect(samples(mended.bus.confirmed).map(({ meter, messageId }) => [meter, messageId])).toEqual([
      ['volume.size', expect.any(String)],
      ['volume', volume!.messageId],
    ]);
  });

  it.each(capturesWithToken)('leaks no token of %s into a log, a dead letter or a sample', async (name) => {
    const { body } = capture(name);
    const quoting = active('quoting', {
      eventTypes: ['*'],
      processNotification: ({ payload }) => {
        throw new SyntaxError(`cannot read ${JSON.stringify(payload)}`);
      },
    });
    const { bus, logger } = await started([quoting]);
    const whole = delivery(bytes(body));
    const cut = delivery(bytes(body.slice(0, -10)));
    bus.send(whole, cut);
    await settled(whole, cut);
    expect(whole.dead).toHaveLength(1);
    expect(cut.dead).toHaveLength(1);
    const told = JSON.stringify([
      logger.entries,
      [...whole.dead, ...cut.dead].map(({ reason, body: letter }) => [reason, Buffer.from(letter).toString()]),
    ]);
    expect(body).toContain('gAAAA');
    expect(told).not.toContain('gAAAA');
    expect(told).toContain("plugin 'quoting': SyntaxError at ");
    expect(bus.offered).toEqual([]);
  });
});

describe('what cannot be read', () => {
  it('goes to the dead letters as a description, and the next is read', async () => {
    const { bus, count, told } = await started();
    const bad = [
      bytes('{'),
      enveloped({ ...volumeCreated, message_id: undefined }),
      enveloped({ ...volumeCreated, payload: [] }),
    ];
    const deliveries = [...bad, numbered(1)].map((body) => delivery(body));
    bus.send(...deliveries);
    await settled(...deliveries);
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['ack', 'ack', 'ack', 'ack']);
    expect(deliveries.flatMap((one) => dead(one)).map(({ reason, body }) => [reason, body])).toEqual([
      [
        expect.stringContaining('not JSON'),
        expect.objectContaining({ size: 1, routing_key: 'notifications.info' }),
      ],
      ['unreadable notification: message_id is missing', expect.objectContaining({ sha256: expect.any(String) })],
      [
        'unreadable notification: payload is no object',
        expect.not.objectContaining({ payload: expect.anything() }),
      ],
    ]);
    expect(await count('notifications_unreadable_total')).toBe(3);
    // The others within the next minute.
    expect(told('warn')).toHaveLength(1);
    expect(samples(bus.confirmed)).toHaveLength(2);
  });
});

describe('while the bus takes nothing', () => {
  it('acknowledges nothing, tries again with growing pauses, says so once, and recovers', async () => {
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
      reason: 'the bus does not take counters of notifications: the broker is away',
    });
    expect(told('warn')).toHaveLength(1);
    expect(await count('notification_publish_failures_total')).toBe(9);

    bus.answer = () => Promise.resolve();
    await clock.advance(15_000);
    await settled(one);
    expect(one.outcome).toBe('ack');
    expect(samples(bus.confirmed)).toHaveLength(1);
    expect(listener.health()).toEqual({ ok: true });
    expect(told('info').at(-1)!.message).toBe('the bus takes counters of notifications again');
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

  it('does not acknowledge a notification whose dead letter is not safe', async () => {
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

  it('holds no more than the prefetch either when a lost connection has them delivered again', async () => {
    const { bus, clock, count } = await started([volumePlugin], { prefetch: 3 });
    bus.answer = away;
    const waves: FakeDelivery[][] = [];
    for (let wave = 0; wave < 5; wave++) {
      const deliveries = [1, 2, 3].map((index) => delivery(numbered(index)));
      waves.push(deliveries);
      bus.send(...deliveries);
      await until('they sleep', () => clock.sleepers === 3);
      expect(await count('notifications_under_way')).toBe(3);
      // As the bus sees them: gone with their connection.
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

  it('finishes what the bus confirms, gives back what it does not, and takes no more', async () => {
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

  it('leaves a bus that hangs after 2 s, with nothing acknowledged', async () => {
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

  it('lets others have their turns while it is read, and small ones that came later are done before', async () => {
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
    // Of the reading, of each plugin, of the signing by pieces.
    expect(turns).toBeGreaterThan(4);
    // As large as an agent's, so that a collector reads them.
    expect(bus.confirmed.every(({ body }) => body.byteLength <= 127 * 1024)).toBe(true);
    const lines = bus.confirmed.flatMap(({ body }) => Buffer.from(body).toString().trimEnd().split('\n'));
    expect(new Set(lines).size).toBe(5_000);
  });

  it('of a type that nobody asks for is not parsed, whatever is in it', async () => {
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
