import { meteringTopology } from './message-bus.js';
import type { OutgoingMessage, TransientQueue } from './message-bus.js';
import type { Notification } from './notification.js';

/** Asks the agent of a host to read an instance once more, since its deletion begins. It only triggers a reading. */
export interface LastReadingRequest {
  readonly instance: string;
  /** `deleting`: the cloud was told to delete it; `delete.start`: the host begins to. */
  readonly reason: 'deleting' | 'delete.start';
  /** When nova announced it, as nova wrote that. */
  readonly announced: string;
}

/** nova's event types that may announce the end of an instance, unversioned and versioned. */
export const endAnnouncements: readonly string[] = [
  'compute.instance.delete.start',
  'compute.instance.update',
  'instance.delete.start',
  'instance.update',
];

// How long a request may wait for its agent, ms: the instance can be read no longer.
const longestWait = 5_000;
const contentType = 'application/json';
const routingKey = (host: string) => `compute.${host}`;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The deletion that nova announces herewith, and on which host; undefined for anything else, or with no host yet. */
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
  const starts = eventType.endsWith('delete.start');
  const update = versioned ? dataOf(field(fields, 'state_update')) : fields;
  if (!starts && field(update, 'new_task_state') !== 'deleting') return undefined;
  if (typeof host !== 'string' || host === '' || typeof instance !== 'string' || !uuid.test(instance))
    return undefined;
  return { host, request: { instance, reason: starts ? 'delete.start' : 'deleting', announced: timestamp } };
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

/** Where the agent of that host hears requests. */
export function lastReadingQueue(host: string): TransientQueue {
  return {
    exchange: meteringTopology.exchange,
    queue: routingKey(host),
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
  if ((reason !== 'deleting' && reason !== 'delete.start') || typeof announced !== 'string') return undefined;
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
