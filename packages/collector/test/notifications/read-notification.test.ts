import { isNephoscopeError } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';
import { readdirSync } from 'node:fs';

import {
  maxNotificationBytes,
  readNotification,
  unwrapNotification,
} from '../../src/notifications/read-notification.js';
import { bytes, capture, enveloped, volumeCreated } from './material.js';

const read = (body: Uint8Array): Notification => readNotification(unwrapNotification(body));

const captures = readdirSync(new URL('../captures/', import.meta.url))
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace(/\.json$/, ''));

describe('a recorded notification', () => {
  it('exists in the captures', () => expect(captures.length).toBeGreaterThan(5));

  it.each(captures)('%s is read', (name) => {
    const { body } = capture(name);
    const original = JSON.parse((JSON.parse(body) as { 'oslo.message': string })['oslo.message']) as Record<
      string,
      unknown
    >;
    const notification = read(bytes(body));
    expect(notification).toMatchObject({
      messageId: original['message_id'],
      eventType: original['event_type'],
      publisherId: original['publisher_id'],
      timestamp: original['timestamp'],
      priority: original['priority'],
      payload: original['payload'],
    });
    const context = Object.fromEntries(
      Object.entries(original)
        .filter(([key]) => key.startsWith('_context_'))
        .map(([key, value]) => [key.slice('_context_'.length), value]),
    );
    expect(notification.context).toEqual(context);
    expect(Object.keys(notification.payload)).not.toContain('_unique_id');
  });
});

it('is the same with and without an envelope', () => {
  const bare = read(bytes(volumeCreated));
  expect(read(enveloped(volumeCreated))).toEqual(bare);
  expect(bare).toEqual({
    messageId: volumeCreated.message_id,
    eventType: 'volume.create.end',
    publisherId: 'volume.host@backend',
    timestamp: '2026-11-22 21:48:00.103786',
    priority: 'INFO',
    payload: volumeCreated.payload,
    context: { user_id: 'user-1', request_id: 'req-1' },
  });
});

it('may have no priority', () => {
  expect(read(bytes({ ...volumeCreated, priority: undefined })).priority).toBeNull();
});

it('keeps numbers exact', () => {
  const text = JSON.stringify(volumeCreated).replace(
    '"size":20',
    '"size":20,"most":9007199254740991,"more":9007199254740993,"less":-18446744073709551615,"half":0.5,"one":1.0,"tiny":1e-07',
  );
  expect(read(bytes(text)).payload).toMatchObject({
    size: 20,
    most: 9007199254740991,
    more: 9007199254740993n,
    less: -18446744073709551615n,
    half: 0.5,
    one: 1,
    tiny: 1e-7,
  });
});

it('accepts keys of any name as its own, and changes no prototype', () => {
  const hostile =
    '{"__proto__":{"size":1e6,"polluted":true},"constructor":{"prototype":{"polluted":true}},"hasOwnProperty":1}';
  const text = JSON.stringify(volumeCreated)
    .replace('"size":20', `"size":20,"inner":${hostile},"__proto__":${hostile}`)
    .replace(
      '"_context_user_id"',
      '"_context___proto__":{"polluted":true},"__proto__":{"polluted":true},"_context_user_id"',
    );
  const { payload, context } = read(bytes(text));
  for (const object of [payload, context, payload['inner']] as Record<string, unknown>[]) {
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(Object.hasOwn(object, '__proto__')).toBe(true);
    expect(object['polluted']).toBeUndefined();
  }
  expect(payload['size']).toBe(20);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

it('is deeply frozen, because plugins share it', () => {
  const { payload } = read(bytes({ ...volumeCreated, payload: { a: { b: [{ c: 1 }] } } }));
  const isFrozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(isFrozen));
  expect(isFrozen(payload)).toBe(true);
});

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const withPayload = (payload: string) =>
  JSON.stringify({ ...volumeCreated, payload: 0 }).replace('"payload":0', `"payload":${payload}`);

describe('an unreadable notification', () => {
  it.each<[string, Uint8Array, string]>([
    ['nothing', bytes(''), 'the message is not JSON'],
    ['not JSON', bytes('event'), 'the message is not JSON'],
    ['not an object', bytes('[1]'), 'the message is not a JSON object'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not UTF-8'],
    ['too long', Buffer.alloc(maxNotificationBytes + 1, 0x20), `more than ${maxNotificationBytes}`],
    ['an envelope of another version', bytes({ 'oslo.version': '3.0', 'oslo.message': '{}' }), 'oslo.version'],
    ['an envelope with an invalid version', bytes({ 'oslo.version': 2, 'oslo.message': '{}' }), 'oslo.version'],
    [
      'an envelope with an object',
      bytes({ 'oslo.version': '2.0', 'oslo.message': {} }),
      'oslo.message is not a string',
    ],
    ['an envelope whose content is not JSON', enveloped('{'), 'oslo.message is not JSON'],
    [
      'an envelope in an envelope',
      enveloped({ 'oslo.version': '2.0', 'oslo.message': '{}' }),
      'event_type is missing',
    ],
    ['nested 1,000 times', enveloped(withPayload(`{"a":${deep(1000)}}`)), 'more than 64'],
    ['nested 100,000 times', bytes(withPayload(`{"a":${deep(100_000)}}`)), 'more than 64'],
    ['one with a duplicate key', bytes(withPayload('{"a":1,"a":2}')), 'a key that stands in its object already'],
    ['one with an infinite number', bytes(withPayload('{"a":1e999}')), 'a number'],
    [
      'one with a number of 5,000 digits',
      bytes(withPayload(`{"a":${'9'.repeat(5_000)}}`)),
      'a number of more than',
    ],
    [
      'one with a long event type',
      bytes({ ...volumeCreated, event_type: 'x'.repeat(256) }),
      'event_type has more than 255',
    ],
  ])('is refused if it is %s', (_, body, says) => {
    expect(() => read(body)).toThrow(expect.objectContaining({ code: 'NOTIFICATION_UNREADABLE' }));
    expect(() => read(body)).toThrow(says);
  });

  const wrong: readonly unknown[] = [undefined, null, '', 0, 1.5, true, [], ['x'], {}, { a: 1 }];
  it.each(['message_id', 'event_type', 'publisher_id', 'timestamp', 'payload', 'priority'])(
    'is refused if its %s has the wrong type, which is reported',
    (field) => {
      const isRight = (value: unknown) =>
        field === 'payload'
          ? typeof value === 'object' && value !== null && !Array.isArray(value)
          : field === 'priority' && (value === null || value === undefined || value === '');
      for (const value of wrong.filter((each) => !isRight(each))) {
        const body = bytes({ ...volumeCreated, [field]: value });
        expect(() => read(body)).toThrow(new RegExp(`^unreadable notification: ${field} (is missing|is not )`));
      }
    },
  );
});

/** Park and Miller's generator: the same numbers in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

describe('malformed notifications are read or refused', () => {
  /** It is read, or refused with an error that quotes nothing of it. */
  function readsOrRefuses(body: Uint8Array): void {
    try {
      read(body);
    } catch (error) {
      if (!isNephoscopeError(error, 'NOTIFICATION_UNREADABLE')) throw error;
      expect(error.message.length).toBeLessThan(200);
    }
  }

  it.each(captures)('%s, truncated anywhere', (name) => {
    const body = bytes(capture(name).body);
    for (let end = 0; end < body.length; end += 7) {
      const cut = body.subarray(0, end);
      expect(() => read(cut)).toThrow(expect.objectContaining({ code: 'NOTIFICATION_UNREADABLE' }));
    }
  });

  it.each(captures)('%s, with some bytes changed', (name) => {
    const random = randomNumbers(name.length * 1_009);
    const interesting = Buffer.from('"\\{}[]:,0-e.tfnu\u0000\u007f ');
    for (let round = 0; round < 400; round++) {
      const body = bytes(capture(name).body);
      for (let change = random(4); change >= 0; change--)
        body[random(body.length)] = random(3) === 0 ? random(256) : interesting[random(interesting.length)]!;
      readsOrRefuses(body);
    }
  });

  it('values of any type in any place', () => {
    const random = randomNumbers(77);
    const strange = [
      null,
      true,
      -0,
      1e308,
      '',
      'x'.repeat(10_000),
      '\u0000',
      '😀',
      '\ud800',
      [],
      {},
      [[]],
      { '': { '': 0 } },
    ];
    const pick = (): unknown => strange[random(strange.length)];
    for (let round = 0; round < 2_000; round++) {
      const message: Record<string, unknown> = { ...volumeCreated, payload: { ...volumeCreated.payload } };
      for (const key of Object.keys(message)) if (random(6) === 0) message[key] = pick();
      if (random(2) === 0) message[['_context_', '__proto__', 'constructor', 'toString', ''][random(5)]!] = pick();
      readsOrRefuses(random(2) === 0 ? bytes(message) : enveloped(message));
    }
  });
});
