import type { Notification } from '@nephoscope/core/notification';

import { eventId } from '../src/event-id.js';
import { stateEvents, unversionedType, versionedType } from '../src/event-types.js';
import { captured, capturedNotification, withContext, withNovaObject, withPayload } from './captured.js';

const heard = new Set(captured.map(({ notification }) => notification.eventType));
const pairs = stateEvents
  .map((name) => [unversionedType(name), versionedType(name)] as const)
  .filter(([type]) => heard.has(type));

it.each(pairs)('is the same for %s and %s', (unversioned, versioned) => {
  const [first, second] = [capturedNotification(unversioned), capturedNotification(versioned)];
  expect(first.messageId).not.toBe(second.messageId);
  expect(eventId(second)).toBe(eventId(first));
});

it('differs for every event of the recorded run', () => {
  expect(pairs).toHaveLength(16);
  expect(new Set(pairs.map(([type]) => eventId(capturedNotification(type)))).size).toBe(pairs.length);
});

it.each(['compute.instance.power_off.end', 'instance.resize_finish.end'])(
  'distinguishes two %s of one instance by the request',
  (type) => {
    const first = capturedNotification(type);
    const second = withContext(first, { request_id: 'req-00000000-0000-4000-8000-000000000002' });
    expect(eventId(second)).not.toBe(eventId(first));
  },
);

it('distinguishes instances that were created in one request', () => {
  const first = capturedNotification('compute.instance.create.end');
  const second = withPayload(first, { instance_id: '11111111-2222-4333-8444-555555555555' });
  expect(eventId(second)).not.toBe(eventId(first));
});

it('is the message id if there is no request', () => {
  const first: Notification = { ...capturedNotification('compute.instance.pause.end'), context: {} };
  expect(eventId(first)).toBe(first.messageId);
  expect(eventId(withContext(first, { request_id: null }))).toBe(first.messageId);
});

describe('of exists', () => {
  const period = ['nova_object.data', 'audit_period', 'nova_object.data'];
  /** As the audit sends it: for a whole period, in the context of a task that no user requested. */
  const ofAudit = (beginning: string, ending: string, requestId: string) =>
    withContext(
      withPayload(capturedNotification('compute.instance.exists'), {
        audit_period_beginning: beginning,
        audit_period_ending: ending,
      }),
      { request_id: requestId, user_id: null, project_id: null },
    );
  const first = ofAudit('2026-11-22 21:00:00', '2026-11-22 22:00:00', 'req-1');

  it('is the same when the audit of a period is repeated', () => {
    expect(eventId(ofAudit('2026-11-22 21:00:00', '2026-11-22 22:00:00', 'req-2'))).toBe(eventId(first));
  });

  it('is the same for all spellings of a period', () => {
    const forms = [
      ['2026-11-22T21:00:00Z', '2026-11-22T22:00:00Z'],
      ['2026-11-22 21:00:00+00:00', '2026-11-22 22:00:00+00:00'],
      ['2026-11-22T21:00:00.000000', '2026-11-22T22:00:00.000999'],
      ['2026-11-22T22:00:00+01:00', '2026-11-22T23:00:00+01:00'],
    ] as const;
    for (const [beginning, ending] of forms)
      expect(eventId(ofAudit(beginning, ending, 'req-1'))).toBe(eventId(first));
    const versioned = withNovaObject(capturedNotification('instance.exists'), period, {
      audit_period_beginning: '2026-11-22T21:00:00Z',
      audit_period_ending: '2026-11-22T22:00:00Z',
    });
    expect(eventId(versioned)).toBe(eventId(first));
  });

  it('differs for another period, complete or not', () => {
    const ids = [
      first,
      ofAudit('2026-11-22 22:00:00', '2026-11-22 23:00:00', 'req-1'),
      ofAudit('2026-11-22 21:00:00', '2026-11-22 21:54:06.343303', 'req-1'),
      ofAudit('2026-11-22 21:00:00', '2026-11-22 21:54:07.343303', 'req-1'),
    ].map(eventId);
    expect(new Set(ids).size).toBe(4);
  });

  it('depends on the request if there is no period', () => {
    const unversioned = withPayload(capturedNotification('compute.instance.exists'), {
      audit_period_beginning: undefined,
      audit_period_ending: '',
    });
    const versioned = withNovaObject(capturedNotification('instance.exists'), ['nova_object.data'], {
      audit_period: undefined,
    });
    expect(eventId(unversioned)).toContain('req-');
    expect(eventId(versioned)).toBe(eventId(unversioned));
  });

  it('refuses a period that is not a time', () => {
    expect(() => eventId(ofAudit('yesterday', '2026-11-22 22:00:00', 'req-1'))).toThrow(
      expect.objectContaining({ code: 'TIMESTAMP_INVALID' }),
    );
  });
});

it.each([
  ['payload.instance_id', withPayload(capturedNotification('compute.instance.exists'), { instance_id: 5 })],
  [
    'payload.nova_object.data.uuid',
    withNovaObject(capturedNotification('instance.exists'), ['nova_object.data'], { uuid: undefined }),
  ],
  ['context.request_id', withContext(capturedNotification('instance.pause.end'), { request_id: { a: 1 } })],
])('names %s in the error if it is missing or not text', (field, notification) => {
  expect(() => eventId(notification)).toThrow(
    expect.objectContaining({ code: 'NOTIFICATION_FIELD', message: expect.stringContaining(field) }),
  );
});
