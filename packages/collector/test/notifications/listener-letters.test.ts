import {
  active,
  bytes,
  capture,
  capturesWithToken,
  delivery,
  enveloped,
  volumeCreated,
  volumePlugin,
  volumeSizePlugin,
} from './material.js';
import { dead, failingPlugin, numbered, samples, settled, started } from './listening.js';

describe('a plugin that fails', () => {
  it("loses only its own counters; a reduced notification goes to the dead letters with the plugin's name", async () => {
    const { bus, ofPlugin, told } = await started([failingPlugin, volumePlugin]);
    const one = delivery(
      enveloped({ ...volumeCreated, payload: { ...volumeCreated.payload, auth_token: 'abc' } }),
    );
    bus.send(one);
    await settled(one);
    expect(one.outcome).toBe('ack');
    expect(samples(bus.confirmed).map(({ meter }) => meter)).toEqual(['volume']);
    const reason = "failed: plugin 'failing': NOTIFICATION_FIELD: the notification has no payload.size";
    expect(dead(one)).toEqual([{ reason, body: expect.objectContaining(volumeCreated) as unknown }]);
    expect(await ofPlugin('failures_total', 'failing')).toBe(1);
    expect(await ofPlugin('samples_total', 'failing')).toBe(0);
    expect(await ofPlugin('samples_total', 'volume')).toBe(1);
    expect(told('warn').map(({ message }) => message)).toEqual([
      `a notification went to the dead letters: ${reason}`,
    ]);
  });

  it.each(['9999-12-31 23:59:59.999999', '2262-04-12 00:00:00', '1677-09-21 00:00:00', '0001-01-01T00:00:00'])(
    'of %s is refused with the reason before anything of it is signed',
    async (timestamp) => {
      const { bus } = await started([volumePlugin]);
      const deadLetter = delivery(enveloped({ ...volumeCreated, timestamp }));
      bus.send(deadLetter);
      await settled(deadLetter);
      expect(bus.offered).toEqual([]);
      // No event can have this time, and it cannot be recorded either when an operator puts it back.
      expect(dead(deadLetter).map(({ reason }) => reason)).toEqual([expect.stringMatching(/^(?:early|late): /)]);
      const again = delivery(deadLetter.dead[0]!.body);
      bus.send(again);
      await settled(again);
      expect(bus.offered).toEqual([]);
      expect(dead(again).map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/COUNTER_INVALID: .*a timestamp that is not a .* in the years 1678 to 2262$/),
      ]);
    },
  );

  it('produces its counters when the dead letter is replayed, and the other plugins no duplicates', async () => {
    const { bus } = await started([failingPlugin, volumePlugin]);
    const first = delivery(enveloped(volumeCreated));
    bus.send(first);
    await settled(first);
    const fixed = await started([volumeSizePlugin, volumePlugin]);
    const again = delivery(first.dead[0]!.body);
    fixed.bus.send(again);
    await settled(again);
    expect(again.dead).toEqual([]);
    const [volume] = samples(bus.confirmed);
    expect(samples(fixed.bus.confirmed).map(({ meter, messageId }) => [meter, messageId])).toEqual([
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
      [...whole.dead, ...cut.dead].map(({ reason, body: deadLetter }) => [
        reason,
        Buffer.from(deadLetter).toString(),
      ]),
    ]);
    expect(body).toContain('gAAAA');
    expect(told).not.toContain('gAAAA');
    expect(told).toContain("plugin 'quoting': SyntaxError at ");
    expect(bus.offered).toEqual([]);
  });
});

describe('unreadable notifications', () => {
  it('go to the dead letters as descriptions, and the next notification is read', async () => {
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
        'unreadable notification: payload is not an object',
        expect.not.objectContaining({ payload: expect.anything() }),
      ],
    ]);
    expect(await count('notifications_unreadable_total')).toBe(3);
    // The others are logged a minute later.
    expect(told('warn')).toHaveLength(1);
    expect(samples(bus.confirmed)).toHaveLength(2);
  });
});
