import { NephoscopeError } from '@nephoscope/core';
import type { Counter } from '@nephoscope/core';
import { createSigner, createVerifier, derivedMessageId, isJsonObject, parseJson } from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';

import type { ActiveHandler } from '../../src/notifications/handlers.js';
import { readNotification, unwrapNotification } from '../../src/notifications/read-notification.js';
import { translate } from '../../src/notifications/translate.js';
import { secret } from '../support.js';
import { active, bytes, volumeCreated, volumePlugin, volumeSizePlugin } from './material.js';

const origin = {
  source: 'openstack',
  publisherId: 'collector.controller-1',
  signer: createSigner({ secret, form: 'canonical' }),
};
const notificationOf = (message: unknown) => readNotification(unwrapNotification(bytes(message)));
const notification = notificationOf(volumeCreated);
const counters = [...volumePlugin.handler.processNotification(notification)];

const lines = (body: Uint8Array) =>
  Buffer.from(body)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => {
      const message = parseJson(line);
      if (!isJsonObject(message)) throw new Error('no object');
      return message;
    });
const fields = (message: JsonObject) => Object.fromEntries(message);
const failureOf = async (handler: ActiveHandler, of = notification) =>
  (await translate(of, [handler], origin)).failures[0]?.reason;
const giving = (make: (counter: Counter) => readonly unknown[]) =>
  active('given', { processNotification: () => make(counters[0]!) as Counter[] });

it('makes signed metering messages, with ids derived from the notification and no sequence number', async () => {
  const { messages, samples, failures } = await translate(notification, [volumePlugin, volumeSizePlugin], origin);
  expect({ samples: [...samples], failures }).toEqual({
    samples: [
      ['volume', 1],
      ['volume_size', 1],
    ],
    failures: [],
  });
  expect(messages.map(({ exchange, routingKey, contentType }) => [exchange, routingKey, contentType])).toEqual([
    ['ceilometer', 'metering.volume', 'application/x-ndjson'],
    ['ceilometer', 'metering.volume.size', 'application/x-ndjson'],
  ]);
  const [message] = lines(messages[1]!.body);
  expect(createVerifier({ secrets: [secret] }).verify(message!)).toBe('verified');
  expect(fields(message!)).toMatchObject({
    counter_name: 'volume.size',
    resource_id: 'volume-1',
    publisher_id: 'collector.controller-1',
    timestamp: '2026-11-22T21:48:00.103786+00:00',
    message_id: derivedMessageId(
      'notification',
      'openstack',
      volumeCreated.message_id,
      'volume_size',
      'volume.size',
      'volume-1',
    ),
  });
  expect(message!.has('sequence')).toBe(false);
});

it('makes the same messages of the same notification', async () => {
  const handlers = [volumePlugin, volumeSizePlugin];
  expect(await translate(notification, handlers, origin)).toEqual(
    await translate(notificationOf(volumeCreated), handlers, origin),
  );
});

it("uses a plugin's event id, if it has one, instead of the message id", async () => {
  const plugin = active('volume', {
    ...volumePlugin.handler,
    eventId: ({ payload }) => `event of ${String(payload['volume_id'])}`,
  });
  const idOf = async (message_id: string) => {
    const { messages } = await translate(notificationOf({ ...volumeCreated, message_id }), [plugin], origin);
    return lines(messages[0]!.body)[0]!.get('message_id');
  };
  const ids = [await idOf('one'), await idOf('two')];
  expect(ids[0]).toBe(ids[1]);
  expect(ids[0]).toBe(
    derivedMessageId('notification', 'openstack', 'event of volume-1', 'volume', 'volume', 'volume-1'),
  );
});

it('keeps the counters of other plugins when one fails, and discards all of that plugin', async () => {
  const failing = active('failing', {
    *processNotification() {
      yield counters[0]!;
      throw new NephoscopeError('NOTIFICATION_FIELD', 'the notification has no payload.size');
    },
  });
  const { messages, samples, failures } = await translate(notification, [failing, volumePlugin], origin);
  expect(failures).toEqual([
    { plugin: 'failing', reason: 'NOTIFICATION_FIELD: the notification has no payload.size' },
  ]);
  expect([...samples]).toEqual([['volume', 1]]);
  expect(lines(messages[0]!.body)).toHaveLength(1);
});

it('keeps the counters of a plugin that reports that only some items cannot be counted', async () => {
  const failing = active('failing', {
    *processNotification() {
      yield counters[0]!;
      throw new NephoscopeError('NOTIFICATION_ITEMS', '1 of 2 are not counted');
    },
  });
  const { messages, samples, failures } = await translate(notification, [failing], origin);
  expect(failures).toEqual([{ plugin: 'failing', reason: 'NOTIFICATION_ITEMS: 1 of 2 are not counted' }]);
  expect([...samples]).toEqual([['failing', 1]]);
  expect(lines(messages[0]!.body)).toHaveLength(1);
});

it.each<[string, ActiveHandler, string | RegExp]>([
  [
    'a counter twice',
    giving((counter) => [counter, { ...counter, volume: 2 }]),
    "COUNTER_INVALID: the counter 'volume' was produced twice",
  ],
  ['an undeclared meter', giving((counter) => [{ ...counter, name: 'cpu' }]), "METER_UNDECLARED: the meter 'cpu'"],
  ['a unit that was not declared', giving((counter) => [{ ...counter, unit: 'GB' }]), 'METER_UNDECLARED'],
  ['no resource', giving((counter) => [{ ...counter, resourceId: '' }]), 'no resource id'],
  ['no figure', giving((counter) => [{ ...counter, volume: NaN }]), 'METER_VOLUME'],
  [
    'metadata that JSON cannot hold',
    giving((counter) => [{ ...counter, resourceMetadata: { x: undefined } }]),
    'COUNTER_INVALID',
  ],
  [
    'metadata that is too large',
    giving((counter) => [{ ...counter, resourceMetadata: { x: 'x'.repeat(1_100_000) } }]),
    'more than the 1048576 bytes of a message',
  ],
  ['a promise instead of counters', giving(() => Promise.resolve() as never), /^TypeError at [\w.-]+:\d+:\d+$/],
  ['values that are not counters', giving(() => [null]), 'a counter is an object, and not null'],
  [
    'counters without end',
    active('endless', {
      *processNotification() {
        for (let index = 0; ; index++) yield { ...counters[0]!, resourceId: `volume-${index}` };
      },
    }),
    'more than 10000',
  ],
])('discards all counters of a plugin that yields %s', async (_, plugin, reason) => {
  const { messages, failures } = await translate(notification, [plugin], origin);
  expect(messages).toEqual([]);
  expect(failures).toHaveLength(1);
  expect(failures[0]!.reason).toMatch(reason);
});

describe('the reason of a failure', () => {
  const throwing = (error: unknown) =>
    active('throwing', {
      processNotification: () => {
        throw error;
      },
    });

  it("quotes only coded errors, because any other may contain the plugin's input", async () => {
    const error = new SyntaxError('Unexpected token gAAAAABtopsecret\n    at gAAAAABtopsecret:1:1');
    expect(await failureOf(throwing(error))).toMatch(/^SyntaxError at translate\.test\.ts:\d+:\d+$/);
    expect(await failureOf(throwing('gAAAAABtopsecret'))).toBe('it threw a value that is not an error');
  });

  it('does not quote a coded error that contains a credential, and shortens a long one', async () => {
    const coded = (text: string) => throwing(new NephoscopeError('NOTIFICATION_FIELD', text));
    expect(await failureOf(coded("auth_token='abc'"))).toBe('NOTIFICATION_FIELD');
    expect((await failureOf(coded('x'.repeat(10_000))))!.length).toBeLessThan(600);
  });
});
