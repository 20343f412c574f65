import { parseTimestamp } from '@nephoscope/core';
import type { Metadata } from '@nephoscope/core';
import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';
import { meteringTopology, splitMeteringBatch } from '@nephoscope/message';

import { until } from '../support.js';
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
import { samples, settled, started } from './listening.js';

describe('its queue', () => {
  it('is declared by the collector with a limit, and bound to the exchanges and topics that the plugins name', async () => {
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
      exchangeOwner: 'service',
      queue,
      deadLetterQueue: `${queue}.dead`,
      maxBytes: 1024 ** 3,
      onUnbound: expect.any(Function),
    };
    expect(bus.declared).toEqual([
      meteringTopology,
      { ...common, exchange: 'openstack', bindings: ['notifications.info', 'notifications.error'] },
      { ...common, exchange: 'nova', bindings: ['notifications.info', 'versioned_notifications.info'] },
    ]);
    expect(listener.health()).toEqual({ ok: true });
  });

  it('has the configured name and limit', async () => {
    const { bus } = await started([volumePlugin], { queue: { name: 'mine', maxBytes: 1_000_000 } });
    expect(bus.declared[1]).toMatchObject({ queue: 'mine', deadLetterQueue: 'mine.dead', maxBytes: 1_000_000 });
  });

  it('may be one of the services, which is used as it is', async () => {
    const { bus } = await started([volumePlugin], { queue: { owner: 'services' } });
    expect(bus.declared).toEqual([
      meteringTopology,
      {
        exchange: '',
        exchangeOwner: 'service',
        queue: 'notifications.info',
        queueOwner: 'service',
        bindings: [],
        deadLetterQueue: 'notifications.info.dead',
      },
    ]);
  });

  it('is not declared if there is no plugin', async () => {
    const { bus, listener, told } = await started([]);
    expect(bus.declared).toEqual([]);
    expect(listener.health()).toEqual({ ok: true });
    expect(told('info').map(({ message }) => message)).toEqual([
      'no notification plugin runs: notifications are not consumed',
    ]);
    await listener.stop();
  });
});

describe('a notification', () => {
  it('is acknowledged when all its counters are confirmed, and not before', async () => {
    const { bus, count, ofPlugin } = await started();
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
    expect(await ofPlugin('samples_total', 'volume')).toBe(1);
    expect(await ofPlugin('samples_total', 'volume_size')).toBe(1);
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

  it('that no plugin handles is acknowledged and counted, whatever it contains', async () => {
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

  it('is passed only to the plugins that handle its type', async () => {
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

  it('is passed to the observer before any plugin; the observer is not awaited and may fail', async () => {
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

describe('an invalid time', () => {
  it.each(['created_at', 'updated_at', 'launched_at', 'terminated_at', 'deleted_at'])(
    'in %s is not passed on, and is logged once a minute',
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
      const line = `'${key}' of a notification ('volume.create.end') is not a time, and is not passed on`;
      expect(told('warn').map(({ message }) => message)).toEqual([line]);
      await clock.advance(60_000);
      expect(told('warn').map(({ message }) => message)).toEqual([line, line]);
    },
  );
});
