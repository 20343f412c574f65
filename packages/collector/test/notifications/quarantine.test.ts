import { parseTimestamp } from '@nephoscope/core';
import { FakeClock, FakeDelivery } from '@nephoscope/testing';

import { until } from '../support.js';
import { samples, started } from './listening.js';
import { active, bytes, enveloped, queue, volumeCreated, volumeSizePlugin } from './material.js';

const now = parseTimestamp('2026-11-27T12:00:00Z');
/** As cinder's plugin, with its two exchanges. */
const cinder = {
  ...volumeSizePlugin,
  exchangeTopics: ['cinder', 'openstack'].map((exchange) => ({ exchange, topics: [] })),
};

async function listening(handlers = [cinder], options: Record<string, unknown> = {}) {
  const { bus, told, count } = await started(handlers, options, { clock: new FakeClock(now) });
  const settle = async (body: Uint8Array, exchange?: string) => {
    const one = new FakeDelivery({ queue, body, exchange, routingKey: 'notifications.info' });
    bus.send(one);
    await until('it is settled', () => one.outcome === 'ack');
    return one;
  };
  const volumes = () => samples(bus.confirmed).map(({ volume }) => volume);
  const warned = () => told('warn').map(({ message }) => message);
  const quarantined = (reason: string) => count('notifications_quarantined_total', { reason });
  return { bus, settle, volumes, warned, quarantined };
}

const announced = (changes: Record<string, unknown> = {}, payload: Record<string, unknown> = {}) =>
  enveloped({ ...volumeCreated, ...changes, payload: { ...volumeCreated.payload, ...payload } });
const period = (audit_period_beginning: string, audit_period_ending: string) => ({
  audit_period_beginning,
  audit_period_ending,
});
const exists = (beginning: string, ending: string) =>
  announced({ event_type: 'volume.exists' }, period(beginning, ending));
const both = active('both', {
  ...volumeSizePlugin.handler,
  publishers: ['volume.*'],
  eventTypes: ['volume.*', 'instance.exists'],
});

describe('a notification', () => {
  it.each([
    [
      'origin',
      'through another exchange',
      announced(),
      'neutron',
      /^origin: it arrived through exchange 'neutron', but volume\.create\.end is published on 'cinder' or 'openstack'$/,
    ],
    ['origin', 'directly in the queue', announced(), '', /^origin: it arrived directly in the queue/],
    [
      'early',
      'of a time to come',
      announced({ timestamp: '2030-01-01 00:00:00' }),
      'cinder',
      /^early: it is dated 2030-01-01T/,
    ],
    [
      'early',
      'of a period that has not begun',
      exists('2030-01-01 00:00:00', '2030-02-01 00:00:00'),
      'cinder',
      /^early: it is dated 2030-02-01T/,
    ],
    [
      'early',
      'of a period that has begun and ends in years',
      exists('2026-11-01 00:00:00', '2030-02-01 00:00:00'),
      'cinder',
      /^early: /,
    ],
    [
      'late',
      'of years ago',
      announced({ timestamp: '2022-01-01 00:00:00' }),
      'cinder',
      /^late: it is dated 2022-01-01T/,
    ],
    [
      'late',
      'of a period of years ago',
      exists('2020-01-01 00:00:00', '2020-02-01 00:00:00'),
      'cinder',
      /^late: it is dated 2020-03-03T/,
    ],
    [
      'publisher',
      'of a publisher of another service',
      announced({ publisher_id: 'compute.host' }),
      'cinder',
      /^publisher: its publisher_id is 'compute\.host', but volume\.create\.end is published by 'volume\.\*'; if .* plugin 'both' must name it$/,
    ],
    [
      'contradictory',
      'made after it was announced',
      announced({}, { created_at: '2026-11-24T00:00:00' }),
      'cinder',
      /^contradictory: created_at is 2026-11-24T00:00:00.*, after 2026-11-22T/,
    ],
    [
      'contradictory',
      'deleted after it was announced',
      announced({}, { deleted_at: '2026-11-24T00:00:00' }),
      'cinder',
      /^contradictory: deleted_at /,
    ],
    [
      'contradictory',
      'deleted before it was made',
      announced({}, { created_at: '2026-11-22T00:00:00', deleted_at: '2026-10-22T00:00:00' }),
      'cinder',
      /^contradictory: created_at .*, after deleted_at/,
    ],
    [
      'contradictory',
      'of a period that ends before it begins',
      exists('2026-11-02 00:00:00', '2026-11-01 00:00:00'),
      'cinder',
      /^contradictory: its period is .* ends before it begins$/,
    ],
    [
      'contradictory',
      'of a period of two years',
      exists('2024-11-01 00:00:00', '2026-11-01 00:00:00'),
      'cinder',
      /^contradictory: its period is .* more than a year$/,
    ],
    [
      'contradictory',
      'of a period that had not begun when it was sent',
      exists('2026-11-25 00:00:00', '2026-11-26 00:00:00'),
      'cinder',
      /^contradictory: its period begins on /,
    ],
    [
      'contradictory',
      'of a period before it was made',
      announced(
        { event_type: 'volume.exists' },
        { ...period('2026-10-01 00:00:00', '2026-11-01 00:00:00'), created_at: '2026-11-03 00:00:00' },
      ),
      'cinder',
      /^contradictory: created_at is .*, after the end of its period/,
    ],
  ])('is quarantined as %s if it comes %s', async (kind, _, body, exchange, reason) => {
    const { settle, volumes, warned, quarantined } = await listening([
      { ...both, exchangeTopics: cinder.exchangeTopics },
    ]);
    const one = await settle(body, exchange);
    expect(one.dead.map(({ reason: told }) => told)).toEqual([expect.stringMatching(reason)]);
    expect(volumes()).toEqual([]);
    expect(await quarantined(kind)).toBe(1);
    expect(warned()).toEqual([expect.stringContaining(kind)]);
    // The genuine notification is accepted.
    await settle(announced(), 'openstack');
    expect(volumes()).toEqual(['20']);
  });

  it('is accepted when an operator puts it back, whatever the reason was', async () => {
    const { settle, volumes } = await listening();
    const [deadLetter] = (await settle(announced({}, { size: 21 }), '')).dead;
    expect((await settle(deadLetter!.body, '')).dead).toEqual([]);
    expect(volumes()).toEqual(['21']);
  });

  it('is quarantined again if it was modified or never quarantined', async () => {
    const { settle, volumes, quarantined } = await listening();
    const [deadLetter] = (await settle(announced(), '')).dead;
    const text = Buffer.from(deadLetter!.body).toString();
    await settle(bytes(text.replace('"size":20', '"size":0')), '');
    await settle(bytes({ ...volumeCreated, set_aside_by: 'collector.x', signature_form: 'canonical' }), '');
    expect(volumes()).toEqual([]);
    expect(await quarantined('origin')).toBe(3);
  });

  it.each([
    ['the audit of the last month', exists('2026-10-01 00:00:00', '2026-11-01 00:00:00')],
    ['that of the last year, which ended over 300 days ago', exists('2025-01-01 00:00:00', '2026-01-01 00:00:00')],
    ['one from a clock that is half a day ahead', announced({ timestamp: '2026-11-28 00:00:00' })],
    ['one that waited for a month', announced({ timestamp: '2026-10-27 00:00:00' })],
    [
      'one of a volume created half a day later by another clock',
      announced({}, { created_at: '2026-11-23 09:00:00' }),
    ],
    [
      'the audit of one that was soft-deleted, and relaunched by a resize',
      announced(
        { event_type: 'volume.exists' },
        {
          ...period('2026-10-01 00:00:00', '2026-11-01 00:00:00'),
          created_at: '2026-01-01 00:00:00+00:00',
          deleted_at: '2026-08-01 00:00:00',
          launched_at: '2026-11-20 00:00:00',
        },
      ),
    ],
    [
      'one with times that are not compared',
      announced({}, { created_at: 'yesterday', deleted_at: '', launched_at: null }),
    ],
  ])('is accepted if it is %s', async (_, body) => {
    const { settle, volumes } = await listening([{ ...both, exchangeTopics: cinder.exchangeTopics }]);
    expect((await settle(body, 'cinder')).dead).toEqual([]);
    expect(volumes()).toEqual(['20']);
  });

  it("is checked in nova's versioned form, too", async () => {
    const { settle } = await listening([{ ...both, exchangeTopics: [{ exchange: 'nova', topics: [] }] }]);
    const data = { 'nova_object.data': period('2030-01-01T00:00:00Z', '2030-02-01T00:00:00Z') };
    const payload = { 'nova_object.data': { audit_period: data } };
    const one = await settle(enveloped({ ...volumeCreated, event_type: 'instance.exists', payload }), 'nova');
    expect(one.dead.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^early: it is dated 2030-02-01T/),
    ]);
    const made = { 'nova_object.data': { created_at: '2026-11-25T00:00:00Z' } };
    const other = await settle(
      enveloped({ ...volumeCreated, event_type: 'instance.exists', payload: made }),
      'nova',
    );
    expect(other.dead.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^contradictory: created_at /)]);
  });

  it('is accepted with another publisher id if one of the plugins accepts that', async () => {
    const other = { ...both, name: 'other', exchangeTopics: cinder.exchangeTopics };
    const { settle, volumes } = await listening([cinder, other]);
    expect((await settle(announced({ publisher_id: 'of our own' }), 'cinder')).dead).toEqual([]);
    expect(volumes()).toEqual(['20']);
  });

  it('is accepted from another exchange if one of the plugins accepts that', async () => {
    const other = { ...cinder, name: 'other', exchangeTopics: [{ exchange: 'elsewhere', topics: [] }] };
    const { settle, volumes, bus } = await listening([cinder, other]);
    expect((await settle(announced(), 'cinder')).dead).toEqual([]);
    expect(volumes()).toEqual(['20']);
    expect(bus.confirmed).toHaveLength(1);
  });

  it('is quarantined after the configured age', async () => {
    const { settle } = await listening([cinder], { maxAge: '1h' });
    const one = await settle(announced({ timestamp: '2026-11-27 10:59:00' }), 'cinder');
    expect(one.dead.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^late: /)]);
    expect((await settle(announced({ timestamp: '2026-11-27 11:01:00' }), 'cinder')).dead).toEqual([]);
  });
});
