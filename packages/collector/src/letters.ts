import { meteringContentType } from '@nephoscope/core';
import type { DeadLetterPart } from '@nephoscope/core';

import { hideCredentials } from './hidden-credentials.js';
import type { Refusal } from './intake.js';

/** A dead letter to be. */
export interface Letter {
  readonly reason: string;
  /** By default the whole message, as it came. */
  readonly part?: DeadLetterPart;
}

const lineEnd = 0x0a;
/** Of larger deliveries nothing is looked through, which would hold up others. */
const longestHidden = 1024 * 1024;

/**
 * The dead letters of one delivery: one for each kind of refusal, with all that was refused for it line by line, so
 * that together they are as large as what came, however short the lines are that it was made of. What cannot stand in a
 * line, as a message that a document holds in several, makes the letter of the whole.
 *
 * @param body of the delivery, where what could not be read of it is to be looked through for credentials
 */
export function lettersOf(given: readonly Refusal[], body?: Uint8Array): readonly Letter[] {
  const refusals = (body?.byteLength ?? 0) > longestHidden ? given : given.map(withoutCredentials);
  if (refusals.some(({ bytes }) => bytes === undefined)) return [wholeLetter(refusals, body)];
  const [only, more] = refusals;
  if (only?.bytes !== undefined && more === undefined)
    return [{ reason: only.reason, part: { body: only.bytes } }];
  const byKind = new Map<string, (Refusal & { readonly bytes: Uint8Array })[]>();
  for (const refusal of refusals as readonly (Refusal & { readonly bytes: Uint8Array })[]) {
    if (refusal.bytes.includes(lineEnd)) return [wholeLetter(refusals, body)];
    const alike = byKind.get(refusal.kind) ?? [];
    alike.push(refusal);
    byKind.set(refusal.kind, alike);
  }
  return Array.from(byKind.values(), (alike) => ({
    reason: reasonOf(alike),
    part: { body: linesOf(alike.map(({ bytes }) => bytes)), contentType: meteringContentType },
  }));
}

/** As it came, but for credentials where nobody could read some of it. */
function wholeLetter(refusals: readonly Refusal[], body: Uint8Array | undefined): Letter {
  const reason = reasonOf(refusals);
  if (body === undefined || !refusals.some(({ kind }) => kind === 'unreadable')) return { reason };
  const safe = hideCredentials(body);
  return safe === body ? { reason } : { reason, part: { body: safe } };
}

function withoutCredentials(refusal: Refusal): Refusal {
  const { kind, bytes } = refusal;
  return kind === 'unreadable' && bytes !== undefined ? { ...refusal, bytes: hideCredentials(bytes) } : refusal;
}

function reasonOf(refusals: readonly Refusal[]): string {
  const [first] = refusals as readonly [Refusal];
  const count = refusals.reduce((sum, refusal) => sum + refusal.count, 0);
  return count === first.count ? first.reason : `${first.reason} (the first of ${count})`;
}

function linesOf(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts.flatMap((bytes) => [bytes, Buffer.from('\n')]));
}
