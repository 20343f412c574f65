import { meteringTopology } from './message-bus.js';
import type { OutgoingMessage, TransientQueue } from './message-bus.js';
import type { Notification } from './notification.js';

/** Asks the agent of a host to read an instance once more, since its run is about to end. It only triggers a reading. */
export interface LastReadingRequest {
  readonly instance: string;
  /** What is about to happen: nova's task state, as `powering-off`, or the event that begins it, as `power_off.start`. */
  readonly reason: string;
  /** When nova announced it, as nova wrote that. */
  readonly announced: string;
}

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

// How long a request may wait for its agent, ms: the instance can be read no longer.
const longestWait = 5_000;
const contentType = 'application/json';
const routingKey = (host: string) => `compute.${host}`;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

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
  if (typeof host !== 'string' || host === '' || typeof instance !== 'string' || !uuid.test(instance))
    return undefined;
  return { host, request: { instance, reason: reason as string, announced: timestamp } };
}

/** The message that carries a request to the agent of that host. */
export function lastReadingMessage(host: string, request: LastReadingRequest): OutgoingMessage {
  return {
    exchange: meteringTopology.exchange,
    routingKey: routingKey(host),
    contentType,
    body: Buffer.from(JSON.stringify(request)),
  };
}

/**
 * Where the agent of that host hears requests. Its name begins with ours, so that what a broker permits us on it is
 * nothing of nova's, whose own queue is `compute.HOST`.
 */
export function lastReadingQueue(host: string): TransientQueue {
  return {
    exchange: meteringTopology.exchange,
    queue: `nephoscope.${routingKey(host)}`,
    bindings: [routingKey(host)],
    messageTtl: longestWait,
  };
}

/** The request in a message; undefined for a body that is not exactly one. */
export function readLastReadingRequest(body: Uint8Array): LastReadingRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
  const instance = field(value, 'instance');
  const reason = field(value, 'reason');
  const announced = field(value, 'announced');
  if (typeof instance !== 'string' || !uuid.test(instance) || Object.keys(value as object).length !== 3)
    return undefined;
  // A collector may be newer, and know more reasons.
  if (typeof reason !== 'string' || !/^[a-z._-]{1,64}$/.test(reason) || typeof announced !== 'string')
    return undefined;
  return { instance, reason, announced };
}

function dataOf(value: unknown): unknown {
  return field(value, 'nova_object.data');
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
