import { randomUUID } from 'node:crypto';

import { formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';
import type { OutgoingMessage, TransientQueue } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';

import { canonicalForm } from './canonical-form.js';
import { inKeyOrder } from './key-order.js';
import { meteringTopology } from './metering-topology.js';
import { derivedKey, schemeOf } from './signature-scheme.js';

/**
 * A request to the agent of a host to read an instance again because its run is about to end. It only triggers a
 * reading.
 */
export interface LastReadingRequest {
  readonly instance: string;
  /**
   * What is about to happen: nova's task state, such as `powering-off`, or the event that begins it, such as
   * `power_off.start`.
   */
  readonly reason: string;
  /** The time of nova's notification, in nova's notation. */
  readonly announced: string;
}

/**
 * The result of checking a request. `signed`: with the secret, for this host, timely, and for the first time.
 * Otherwise the reason: `unsigned`; `wrong` (another key or scheme, or modified); `untimely` (by more than a minute,
 * for example because of a wrong clock).
 */
export type HeardRequest =
  | { readonly kind: 'signed' | 'unsigned' | 'wrong' | 'untimely'; readonly request: LastReadingRequest }
  /** The same signed message was received before, or it is not a request. */
  | { readonly kind: 'replayed' | 'unreadable' };

// How long a request may wait for its agent, ms. After that the instance is gone.
const longestWait = 5_000;
// Beyond this the broker refuses more, and a collector retries.
const mostWaiting = 1_000;
const contentType = 'application/json';
const largest = 2_048;
/** Allowed difference between the clocks of collector and agent, ns. */
const longestSkew = 60_000_000_000n;
/** Requests are remembered while they are timely, up to this number, to detect repetitions. */
const mostRemembered = 10_000;
/** The key of these signatures is HMAC-SHA256(secret, this), so that none is ever the signature of a sample. */
const keyLabel = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope request for a last reading 1')]);

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
// A newer collector may send other reasons.
const reasonForm = /^[a-z._-]{1,64}$/;
const longestAnnounced = 64;
const announcedForm = /^.{0,64}$/su;

export function isInstanceId(value: unknown): value is string {
  return typeof value === 'string' && uuid.test(value);
}

/** Where the agent of a host receives requests: signed ones from collectors, and unsigned ones from anyone. */
const routes = {
  signed: (host: string) => `last-reading.${host}`,
  unsigned: (host: string) => `compute.${host}`,
};

/**
 * The queue of such requests. Its name begins with `nephoscope`, so that RabbitMQ's permissions on it include nothing
 * of nova's own queue, `compute.HOST`.
 */
export function lastReadingQueue(host: string, route: keyof typeof routes): TransientQueue {
  const key = routes[route](host);
  return {
    exchange: meteringTopology.exchange,
    queue: `nephoscope.${key}`,
    bindings: [key],
    messageTtl: longestWait,
    maxMessages: mostWaiting,
  };
}

/** The message of a request without a signature, for agents that do not support signatures. */
export function lastReadingMessage(host: string, request: LastReadingRequest): OutgoingMessage {
  return message(routes.unsigned(host), shortened(request));
}

/**
 * Makes signed messages of requests, which state for whom and when they are valid. The signature is over the
 * canonical form of the object without its `signature`, with a key that signs nothing else, named in `signature_key`.
 */
export function lastReadingSigner(
  secret: Secret,
  clock: Pick<Clock, 'now'>,
): (host: string, request: LastReadingRequest) => OutgoingMessage {
  const key = derivedKey(secret, keyLabel);
  return (host, request) => {
    const sent = formatTimestamp(clock.now());
    const fields = { ...shortened(request), host, nonce: randomUUID(), sent, signature_key: key.name };
    return message(routes.signed(host), { ...fields, signature: key.sign(signedText(fields)) });
  };
}

/** Reads the messages received by the agent of that host. Several secrets are accepted while one replaces another. */
export function lastReadingReader(
  host: string,
  secrets: readonly Secret[],
  clock: Pick<Clock, 'now' | 'monotonic'>,
): (body: Uint8Array) => HeardRequest {
  const keys = secrets.map((secret) => derivedKey(secret, keyLabel));
  /** The signed ones, each with the latest time at which it is timely, ns on the monotonic clock. */
  const heard = new Map<string, bigint>();

  const isNew = (nonce: string): boolean => {
    const now = clock.monotonic();
    for (const [old, until] of heard) {
      if (until > now && heard.size < mostRemembered) break;
      heard.delete(old);
    }
    if (heard.has(nonce)) return false;
    heard.set(nonce, now + 2n * longestSkew);
    return true;
  };

  return (body) => {
    const fields = fieldsIn(body);
    if (fields === undefined) return { kind: 'unreadable' };
    const { instance, reason, announced, signature, ...rest } = fields;
    if (!isInstanceId(instance) || !isText(reason, reasonForm) || !isText(announced, announcedForm))
      return { kind: 'unreadable' };
    const request = { instance, reason, announced };
    if (signature === undefined)
      return Object.keys(rest).length === 0 ? { kind: 'unsigned', request } : { kind: 'unreadable' };
    const { host: meant, nonce, sent, signature_key: named, ...more } = rest;
    if (!isText(signature) || !isText(nonce, uuid) || !isText(sent) || Object.keys(more).length > 0)
      return { kind: 'unreadable' };
    if (named !== undefined && !isText(named)) return { kind: 'unreadable' };
    const scheme = schemeOf(named);
    if (scheme?.isSignature(signature) === false) return { kind: 'unreadable' };
    if (meant !== host || scheme === undefined) return { kind: 'wrong', request };
    // In the order of the signed keys, because this runs for every message of a flood.
    const known = keys.filter(({ name }) => named === undefined || named === name);
    const own = { announced, host, instance, nonce, reason, sent };
    const text = signedText(named === undefined ? own : { ...own, signature_key: named });
    if (!known.some(({ verify }) => verify([text], signature))) return { kind: 'wrong', request };
    const skew = clock.now() - parseTimestamp(sent);
    if (skew > longestSkew || skew < -longestSkew) return { kind: 'untimely', request };
    return isNew(nonce) ? { kind: 'signed', request } : { kind: 'replayed' };
  };
}

function message(routingKey: string, fields: object): OutgoingMessage {
  const body = Buffer.from(JSON.stringify(fields));
  return { exchange: meteringTopology.exchange, routingKey, contentType, body, isTransient: true };
}

function shortened({ instance, reason, announced }: LastReadingRequest): LastReadingRequest {
  return { instance, reason, announced: announced.slice(0, longestAnnounced) };
}

function signedText(fields: Readonly<Record<string, string>>): string {
  const { head, field } = canonicalForm;
  const entries = [...inKeyOrder(new Map(Object.entries(fields)))];
  return head(entries.length) + entries.map(([key, value]) => field(key, value)).join('');
}

function fieldsIn(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (body.byteLength > largest) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown, form?: RegExp): value is string {
  return typeof value === 'string' && (form === undefined || form.test(value));
}
