import type { Notification } from '@nephoscope/core/notification';

import { isInstanceId } from './last-reading-request.js';
import type { LastReadingRequest } from './last-reading-request.js';

/**
 * What nova announces with `.start` before a guest is ended, started anew, saved or moved away, as the unversioned form
 * names it after `compute.instance.`. After a pause the same run goes on; what begins a run is none of these.
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

/** nova's task states in which the same follows. They are announced by `update`, earlier than the event above. */
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

// A routing key has 255 bytes at the most, and names the host.
const longestHost = 240;

/** The end of a run that nova announces herewith, and on which host; undefined for anything else, or with no host yet. */
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
