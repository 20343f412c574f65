import { PayloadReader, formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core';

import type { ActiveHandler } from './handlers.js';

/** Clocks and time zones of services may be wrong by so much, ns. */
const tolerance = 86_400_000_000_000n;

/** Why a notification waits among the dead letters until an operator has looked at it. */
export interface Apart {
  /** To count it by. */
  readonly kind: 'origin' | 'early' | 'late';
  /** For people; begins with the kind. */
  readonly reason: string;
}

export interface Circumstances {
  /** On which it was published; '' for straight into the queue, undefined where the bus does not say. */
  readonly exchange: string | undefined;
  /** The plugins that want it. */
  readonly handlers: readonly ActiveHandler[];
  /** ns since 1970 UTC. */
  readonly now: bigint;
  /** ns. */
  readonly maxAge: bigint;
}

/**
 * What is known to be wrong with a notification before any plugin sees it. It is not signed: what can be checked is on which
 * exchange it came, which RabbitMQ's permissions give to its service alone, and whether it is of a time that it can be of.
 */
export function apart(notification: Notification, circumstances: Circumstances): Apart | undefined {
  return ofOrigin(notification, circumstances) ?? ofTime(notification, circumstances);
}

/** Whether the plugin's service announces on this exchange. */
export function announcesOn({ exchangeTopics }: ActiveHandler, exchange: string | undefined): boolean {
  return exchange === undefined || exchangeTopics.some((one) => one.exchange === exchange);
}

function ofOrigin({ eventType }: Notification, { exchange, handlers }: Circumstances): Apart | undefined {
  if (handlers.length === 0 || handlers.some((handler) => announcesOn(handler, exchange))) return undefined;
  const names = new Set(handlers.flatMap(({ exchangeTopics }) => exchangeTopics.map((one) => one.exchange)));
  const came = exchange === '' ? 'straight into the queue' : `through exchange '${exchange}'`;
  const where = [...names].map((name) => `'${name}'`).join(' or ');
  return {
    kind: 'origin',
    reason: `origin: it came ${came}, and ${eventType.slice(0, 60)} is announced on ${where}`,
  };
}

function ofTime(notification: Notification, { now, maxAge }: Circumstances): Apart | undefined {
  const sent = time(notification.timestamp);
  const [beginning, ending] = periodOf(notification);
  const latest = sorted(sent, beginning, ending).at(-1);
  if (latest !== undefined && latest > now + tolerance)
    return { kind: 'early', reason: `early: it is of ${formatTimestamp(latest)}, which is not yet` };
  // The audit of a period comes in the course of the next one.
  const length = beginning === undefined || ending === undefined || ending < beginning ? 0n : ending - beginning;
  const [earliest] = sorted(sent, ending === undefined ? undefined : ending + length);
  if (earliest !== undefined && earliest < now - maxAge)
    return {
      kind: 'late',
      reason: `late: it is of ${formatTimestamp(earliest)}, longer ago than notifications.maxAge`,
    };
  return undefined;
}

function sorted(...times: readonly (bigint | undefined)[]): readonly bigint[] {
  return times.filter((one) => one !== undefined).sort((one, other) => (one < other ? -1 : 1));
}

/** The period that an audit is about, in either form of nova's notifications, or in those of other services. */
function periodOf({ payload }: Notification): readonly (bigint | undefined)[] {
  const fields = inner(
    inner(inner(new PayloadReader(payload), 'nova_object.data'), 'audit_period'),
    'nova_object.data',
  );
  return [time(fields.value('audit_period_beginning')), time(fields.value('audit_period_ending'))];
}

function inner(fields: PayloadReader, key: string): PayloadReader {
  const value = fields.value(key);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? fields.inner(key) : fields;
}

/** What is no time is for the plugin to refuse. */
function time(value: unknown): bigint | undefined {
  try {
    return typeof value === 'string' ? parseTimestamp(value) : undefined;
  } catch {
    return undefined;
  }
}
