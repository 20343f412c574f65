import type { DeadLetterPart, Delivery } from '@nephoscope/core/message-bus';
import { meteringContentType } from '@nephoscope/message';

import { canDecompress } from './decompress.js';
import { descriptionOf } from './description.js';
import { hideCredentials, maxLookedThroughBytes } from './hidden-credentials.js';
import type { Refusal } from './intake.js';

/** A dead letter to be sent. */
export interface DeadLetter {
  readonly reason: string;
  /** By default the whole message, as it came. */
  readonly part?: DeadLetterPart;
}

type Whole = Pick<Delivery, 'body' | 'routingKey' | 'compression'>;

const lineEnd = 0x0a;

/**
 * The dead letters of one delivery: one for each kind of refusal, containing the refused lines, so that together they are no
 * larger than the delivery, however short its lines. If a refused message spans several lines of a document, the whole
 * delivery becomes one dead letter.
 *
 * Unreadable content may contain credentials. They are removed; content too large to be searched is replaced by a description.
 */
export function deadLettersOf(given: readonly Refusal[], delivery: Whole): readonly DeadLetter[] {
  let room = maxLookedThroughBytes;
  const refusals = given.map((refusal) => {
    const { kind, bytes, reason } = refusal;
    if (kind !== 'unreadable' || bytes === undefined) return refusal;
    if (bytes.byteLength > room) return { ...refusal, bytes: descriptionOf({ ...delivery, body: bytes }, reason) };
    room -= bytes.byteLength;
    return { ...refusal, bytes: hideCredentials(bytes) };
  });
  if (refusals.some(({ bytes }) => bytes === undefined)) return [wholeDeadLetter(refusals, delivery)];
  const [only, more] = refusals;
  if (only?.bytes !== undefined && more === undefined)
    return [{ reason: only.reason, part: { body: only.bytes } }];
  const byKind = new Map<string, (Refusal & { readonly bytes: Uint8Array })[]>();
  for (const refusal of refusals as readonly (Refusal & { readonly bytes: Uint8Array })[]) {
    if (refusal.bytes.includes(lineEnd)) return [wholeDeadLetter(refusals, delivery)];
    const alike = byKind.get(refusal.kind) ?? [];
    alike.push(refusal);
    byKind.set(refusal.kind, alike);
  }
  return Array.from(byKind.values(), (alike) => ({
    reason: reasonOf(alike),
    part: { body: linesOf(alike.map(({ bytes }) => bytes)), contentType: meteringContentType },
  }));
}

/** The delivery unchanged, unless part of it was unreadable. */
function wholeDeadLetter(refusals: readonly Refusal[], delivery: Whole): DeadLetter {
  const reason = reasonOf(refusals);
  if (!refusals.some(({ kind }) => kind === 'unreadable')) return { reason };
  const { body, compression } = delivery;
  // A version that can decompress it may find samples in it.
  if (compression !== undefined && !canDecompress(compression)) return { reason };
  if (compression === undefined && body.byteLength <= maxLookedThroughBytes) {
    const safe = hideCredentials(body);
    return safe === body ? { reason } : { reason, part: { body: safe } };
  }
  // Readable parts are kept: they may be verified later, with another secret.
  if (!refusals.every(({ kind }) => kind === 'unreadable')) return { reason };
  return { reason, part: { body: descriptionOf(delivery, reason), contentType: 'application/json' } };
}

function reasonOf(refusals: readonly Refusal[]): string {
  const [first] = refusals as readonly [Refusal];
  const count = refusals.reduce((sum, refusal) => sum + refusal.count, 0);
  return count === first.count ? first.reason : `${first.reason} (the first of ${count})`;
}

function linesOf(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts.flatMap((bytes) => [bytes, Buffer.from('\n')]));
}
