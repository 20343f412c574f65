import { createHash } from 'node:crypto';

import { descriptionOf } from '../../src/description.js';
import { reducedNotification } from '../../src/notifications/dead-letter.js';
import { readNotification, unwrapNotification } from '../../src/notifications/read-notification.js';
import { bytes, capture, capturesWithToken, delivery, volumeCreated } from './material.js';

const reduced = (body: Uint8Array) => reducedNotification(unwrapNotification(body).fields);
const tokens = (text: string) => text.match(/gAAAA[\w-]*/g) ?? [];

describe('the dead letter of a notification', () => {
  it.each(capturesWithToken)('of %s contains no token and can be read again', (name) => {
    const { body } = capture(name);
    expect(tokens(body).length).toBeGreaterThan(0);
    const deadLetter = Buffer.from(reduced(bytes(body))).toString();
    expect(tokens(deadLetter)).toEqual([]);
    expect(deadLetter).not.toMatch(/token|service_catalog|"_context"|_context_roles/);
    const before = readNotification(unwrapNotification(bytes(body)));
    const again = readNotification(unwrapNotification(bytes(deadLetter)));
    for (const key of ['messageId', 'eventType', 'publisherId', 'timestamp', 'priority'] as const)
      expect(again[key]).toBe(before[key]);
    expect(again.context).toEqual({
      user_id: before.context['user_id'],
      project_id: before.context['project_id'],
      request_id: before.context['request_id'],
    });
  });

  it.each([
    'nova.compute.instance.create.end',
    'openstack.volume.create.end',
    'glance.image.upload',
    'neutron.port.create.end',
  ])('of %s keeps the whole payload', (name) => {
    const body = bytes(capture(name).body);
    const again = readNotification(unwrapNotification(reduced(body)));
    expect(again.payload).toEqual(readNotification(unwrapNotification(body)).payload);
  });

  it('omits every key that may be a credential, at any depth, and keeps all others and all digits', () => {
    const kept = { id: 1, list: [{ a: 'b' }], key_name: 'k', metadata: { team: 'x' } };
    const secrets = {
      auth_token: 'x',
      token: 'x',
      X_Auth_Token: 'x',
      password: 'x',
      adminPass: 'x',
      admin_pass: 'x',
      secret: 'x',
      secret_key: 'x',
      client_secret: 'x',
      credentials: { a: 1 },
      credential: 'x',
      private_key: 'x',
      api_key: 'x',
      user_data: 'x',
      _context: { user: 'x' },
      request_context: { user: 'x' },
    };
    const payload = { ...kept, ...secrets, list: [{ a: 'b', ...secrets, c: [[secrets]] }] };
    const text = JSON.stringify({ ...volumeCreated, payload }).replace('"id":1', '"id":18446744073709551615');
    const deadLetter = JSON.parse(
      Buffer.from(reduced(bytes(text)))
        .toString()
        .replace('18446744073709551615', '1'),
    ) as { payload: unknown };
    expect(deadLetter.payload).toEqual({ ...kept, list: [{ a: 'b', c: [[{}]] }] });
    expect(Buffer.from(reduced(bytes(text))).toString()).toContain('"id":18446744073709551615');
  });

  it.each([
    ["Context(auth_token='abc123', user='u')"],
    ["{'kwargs': {'password': 'abc123'}}"],
    ['{\\"secret\\": \\"abc123\\"}'],
    ['https://admin:abc123@keystone/v3'],
    ['rabbit://nova:abc123@host:5672/'],
    ['token gAAAAABabc123-abc123_abc123abc123'],
    ['Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhYmMxMjMifQ.abc123'],
  ])('omits the text %s', (text) => {
    const payload = {
      exception: text,
      list: [text, 'kept'],
      inner: { reason: text },
      display_name: 'my secret volume',
    };
    const deadLetter = JSON.parse(Buffer.from(reduced(bytes({ ...volumeCreated, payload }))).toString()) as {
      payload: unknown;
    };
    expect(deadLetter.payload).toEqual({ list: [null, 'kept'], inner: {}, display_name: 'my secret volume' });
  });
});

it('is a description that quotes nothing, if the notification is unreadable', () => {
  const body = bytes('{"auth_token": "gAAAAABabc123-abc123_abc123abc123"');
  const reason = 'unreadable notification: the message is not JSON';
  expect(JSON.parse(Buffer.from(descriptionOf(delivery(body, 'notifications.error'), reason)).toString())).toEqual(
    {
      size: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
      routing_key: 'notifications.error',
      reason,
    },
  );
});
