import { readNotification, unwrapNotification } from '@nephoscope/collector/testing';
import { NephoscopeError } from '@nephoscope/core';
import type { Notification, NotificationHandler } from '@nephoscope/core/notification';
import * as cinder from '@nephoscope/notifier-cinder';
import * as glance from '@nephoscope/notifier-glance';
import * as neutron from '@nephoscope/notifier-neutron';
import * as nova from '@nephoscope/notifier-nova';
import * as swift from '@nephoscope/notifier-swift';
import { systemClock } from '@nephoscope/runtime';
import { RecordingLogger } from '@nephoscope/testing';
import fc from 'fast-check';

import { mutated } from './target.js';
import type { Target } from './target.js';

type Maker = { create(settings: object): NotificationHandler };
const handlers = [cinder, glance, neutron, nova, swift].flatMap((plugins) =>
  (Object.values(plugins) as unknown as readonly Maker[]).map((plugin) =>
    plugin.create({ options: {}, logger: new RecordingLogger(), clock: systemClock, host: 'h' }),
  ),
);

const token = 'gAAAAAB-topsecret';
const times = { created_at: '2026-11-22T21:48:00', audit_period_beginning: '2026-11-22 21:00:00' };
const owner = { tenant_id: 'p', user_id: 'u', project_id: 'p' };
const payloads: Readonly<Record<string, object>> = {
  'volume.create.end': { ...owner, ...times, volume_id: 'v', size: 20, status: 'available' },
  'image.update': { id: 'i', owner: 'p', size: 9_007_199_254_740_991, status: 'active', properties: {} },
  'network.create.end': {
    networks: [
      { id: 'n1', ...owner },
      { id: 'n2', ...owner },
    ],
  },
  'floatingip.create.end': { floatingip: { id: 'f', ...owner, floating_ip_address: '10.0.0.1' } },
  'compute.instance.exists': {
    ...owner,
    ...times,
    instance_id: 'i',
    memory_mb: 512,
    vcpus: 1,
    disk_gb: 1,
    state: 'active',
  },
  'objectstore.http.request': {
    target: { id: 'a', metadata: {} },
    measurements: [{ result: 5 }],
    initiator: { id: 'u' },
  },
};
const notification = fc.constantFrom(...Object.keys(payloads)).map((eventType) =>
  JSON.stringify({
    event_type: eventType,
    message_id: 'm',
    publisher_id: 'service.host',
    priority: 'INFO',
    timestamp: '2026-11-22 21:48:00.103786',
    _context_auth_token: token,
    payload: { ...payloads[eventType], auth_token: token },
  }),
);

/** Notifications: they are read or refused by a code, plugins fail by theirs, and no error quotes a token. */
export const notifications: Target = {
  name: 'notifications',
  runs: 300,
  inputs: mutated(
    fc.oneof(
      notification,
      mutated(notification).map((message) => JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message })),
    ),
  ),
  check(input) {
    const read = meant(() => readNotification(unwrapNotification(Buffer.from(input))));
    if (read === undefined) return;
    for (const handler of handlers) meant(() => void taken(handler, read));
  },
};

function taken(handler: NotificationHandler, read: Notification): number {
  let counters = 0;
  for (const _ of handler.processNotification(read)) counters += 1;
  return counters;
}

/** Undefined for a failure that has a code, and says nothing that is secret. */
function meant<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NephoscopeError)) throw error;
    if (error.message.includes(token)) throw new Error('an error quotes a token', { cause: error });
    return undefined;
  }
}
