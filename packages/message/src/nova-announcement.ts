import type { Notification } from '@nephoscope/core/notification';

import { isInstanceId } from './last-reading-request.js';
import type { LastReadingRequest } from './last-reading-request.js';

/**
 * Notifications that nova sends with `.start` before a guest is stopped, restarted, saved or moved, by their
 * unversioned names after `compute.instance.`. A pause continues the same run, and what begins a run is not included.
 */
const ends = [
  'delete',
  'soft_delete',
  'shutdown',
  'power_off',
  'reboot',
  'rebuild',
  'suspend',
  'shelve',
  'shelve_offload',
  'resize.prep',
  'resize',
  'resize.revert',
  'rescue',
  'unrescue',
  'snapshot',
  'live_migration.pre',
  'live_migration._post',
] as const;

/** nova's task states before the same operations. They are sent with `update`, earlier than the event above. */
const endingStates: ReadonlySet<unknown> = new Set([
  'deleting',
  'soft-deleting',
  'powering-off',
  'rebooting',
  'reboot_pending',
  'reboot_started',
  'rebooting_hard',
  'reboot_pending_hard',
  'reboot_started_hard',
  'rebuilding',
  'suspending',
  'shelving',
  'shelving_offloading',
  'resize_prep',
  'resize_migrating',
  'resize_reverting',
  'rescuing',
  'unrescuing',
  'image_snapshot',
  'migrating',
]);

const versionedName = (name: string) => name.replace(/\._?/, '_');

/** nova's event types that may announce the end of a run, unversioned and versioned. */
export const endAnnouncements: readonly string[] = [
  ...ends.flatMap((name) => [`compute.instance.${name}.start`, `instance.${versionedName(name)}.start`]),
  'compute.instance.update',
  'instance.update',
];

// A routing key has at most 255 bytes, and contains the host.
const longestHost = 240;

/** The end of a run announced by this notification, and the host; undefined for anything else, or without a host. */
export function announcedEnd({
  eventType,
  payload,
  timestamp,
}: Pick<Notification, 'eventType' | 'payload' | 'timestamp'>):
  { readonly host: string; readonly request: LastReadingRequest } | undefined {
  if (!endAnnouncements.includes(eventType)) return undefined;
  const versioned = eventType.startsWith('instance.');
  const fields = versioned ? dataOf(payload) : payload;
  const instance = field(fields, versioned ? 'uuid' : 'instance_id');
  const host = field(fields, 'host');
  const reason = eventType.endsWith('.update')
    ? field(versioned ? dataOf(field(fields, 'state_update')) : fields, 'new_task_state')
    : eventType.replace(/^(compute\.)?instance\./, '');
  if (eventType.endsWith('.update') && !endingStates.has(reason)) return undefined;
  if (typeof host !== 'string' || host === '' || Buffer.byteLength(host) > longestHost) return undefined;
  if (!isInstanceId(instance)) return undefined;
  return { host, request: { instance, reason: reason as string, announced: timestamp } };
}

function dataOf(value: unknown): unknown {
  return field(value, 'nova_object.data');
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
