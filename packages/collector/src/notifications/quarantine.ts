import { formatTimestamp } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';

import { contradiction } from './contradiction.js';
import type { ActiveHandler } from './handlers.js';
import { momentOf, periodOf } from './times.js';

/** Tolerated error of the services' clocks and time zones, ns. */
const tolerance = 86_400_000_000_000n;

/** Why a notification goes to the dead letters for an operator to check. */
export interface Quarantine {
  /** Label of the metric. */
  readonly kind: 'origin' | 'publisher' | 'early' | 'late' | 'contradictory';
  /** For operators; begins with the kind. */
  readonly reason: string;
}

export interface Circumstances {
  /** The exchange it was published on; '' if directly in the queue, undefined if the bus does not report it. */
  readonly exchange: string | undefined;
  /** The plugins that handle its type. */
  readonly handlers: readonly ActiveHandler[];
  /** ns since 1970 UTC. */
  readonly now: bigint;
  /** ns. */
  readonly maxAge: bigint;
}

/**
 * What is wrong with a notification, as far as can be checked without a plugin. It is not signed, so these are
 * checked: the exchange on which it arrived, which RabbitMQ's permissions reserve to its service; whether its
 * publisher is of that service; whether its time is plausible; and whether its times are consistent.
 */
export function quarantineReason(
  notification: Notification,
  circumstances: Circumstances,
): Quarantine | undefined {
  return (
    ofOrigin(notification, circumstances) ??
    ofPublisher(notification, circumstances) ??
    ofTime(notification, circumstances) ??
    ofContradiction(notification)
  );
}

/** Whether the plugin's service publishes on this exchange, and with this publisher id. */
export function isFrom(handler: ActiveHandler, exchange: string | undefined, publisherId: string): boolean {
  return announcesOn(handler, exchange) && handler.isBy(publisherId);
}

function announcesOn({ exchangeTopics }: ActiveHandler, exchange: string | undefined): boolean {
  return exchange === undefined || exchangeTopics.some((one) => one.exchange === exchange);
}

function ofOrigin({ eventType }: Notification, { exchange, handlers }: Circumstances): Quarantine | undefined {
  if (handlers.length === 0 || handlers.some((handler) => announcesOn(handler, exchange))) return undefined;
  const names = handlers.flatMap(({ exchangeTopics }) => exchangeTopics.map((one) => one.exchange));
  const came = exchange === '' ? 'directly in the queue' : `through exchange '${exchange}'`;
  return {
    kind: 'origin',
    reason: `origin: it arrived ${came}, but ${eventType.slice(0, 60)} is published on ${oneOf(names)}`,
  };
}

function ofPublisher(
  { eventType, publisherId }: Notification,
  { exchange, handlers }: Circumstances,
): Quarantine | undefined {
  if (handlers.length === 0 || handlers.some((handler) => isFrom(handler, exchange, publisherId)))
    return undefined;
  const [{ name, service }] = handlers as readonly [ActiveHandler];
  const remedy = service === undefined ? `plugin '${name}' must name it` : `set services.${service}.publishers`;
  const publishers = handlers.flatMap((handler) => handler.publishers);
  return {
    kind: 'publisher',
    reason:
      `publisher: its publisher_id is '${publisherId.slice(0, 60)}', but ${eventType.slice(0, 60)} is published by ${oneOf(publishers)}; ` +
      `if the service uses another name, ${remedy}`,
  };
}

function oneOf(names: readonly string[]): string {
  return [...new Set(names)].map((name) => `'${name}'`).join(' or ');
}

function ofTime(notification: Notification, { now, maxAge }: Circumstances): Quarantine | undefined {
  const sent = momentOf(notification.timestamp);
  const [beginning, ending] = periodOf(notification);
  const latest = sorted(sent, beginning, ending).at(-1);
  if (latest !== undefined && latest > now + tolerance)
    return { kind: 'early', reason: `early: it is dated ${formatTimestamp(latest)}, in the future` };
  // The audit of a period arrives during the next one.
  const length = beginning === undefined || ending === undefined || ending < beginning ? 0n : ending - beginning;
  const [earliest] = sorted(sent, ending === undefined ? undefined : ending + length);
  if (earliest !== undefined && earliest < now - maxAge)
    return {
      kind: 'late',
      reason: `late: it is dated ${formatTimestamp(earliest)}, longer ago than notifications.maxAge`,
    };
  return undefined;
}

function ofContradiction(notification: Notification): Quarantine | undefined {
  const reason = contradiction(notification);
  return reason === undefined ? undefined : { kind: 'contradictory', reason: `contradictory: ${reason}` };
}

function sorted(...times: readonly (bigint | undefined)[]): readonly bigint[] {
  return times.filter((one) => one !== undefined).sort((one, other) => (one < other ? -1 : 1));
}
