import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Delivery } from '@nephoscope/core/message-bus';
import type { Sample } from '@nephoscope/core/sample-store';
import { maxMeteringDocumentBytes, meteringSteps, parseJson, signedMessage } from '@nephoscope/message';
import type { JsonObject, RejectionReason, SignedMessage, Verifier } from '@nephoscope/message';

import type { KnownMessages } from './known/known-messages.js';

/** A refused part, and why. */
export interface Refusal {
  /** Label of the metric. */
  readonly kind:
    'unreadable' | 'unfinished' | RejectionReason | 'form-ambiguous' | 'expired' | 'conflict' | 'SAMPLE_INVALID';
  /** For operators; begins with the kind. */
  readonly reason: string;
  /** The refused lines; undefined for the whole unchanged message. */
  readonly bytes?: Uint8Array;
  /** Number of bad metering messages in it. */
  readonly count: number;
}

/** The sender reported that nothing was measured (`counter_volume` is null): no store can record it. */
export interface WithoutVolume {
  readonly counterName: string;
  readonly resourceId: string;
}

/** The contents of a delivery: samples to be recorded, refused parts, and samples without a volume. */
export interface Intake {
  readonly delivery: Delivery;
  readonly samples: readonly Sample[];
  readonly refusals: readonly Refusal[];
  readonly withoutVolume: readonly WithoutVolume[];
}

/** What messages are read and verified with. */
export interface Readers {
  readonly messages: KnownMessages;
  readonly verifier: Verifier;
}

/** Additional information for operators for each reason. */
const explanations: Readonly<Record<RejectionReason, string>> = {
  unsigned: 'it has no signature',
  'scheme-unknown': 'its signature_key names a scheme of signatures that this version does not know',
  'signature-malformed': 'its signature does not fit its scheme (hmac-sha256: 64 lower-case hexadecimal digits)',
  'form-unknown': 'its signature form is not known to this version',
  'form-refused':
    "it is signed in Ceilometer's form, and this collector accepts only the canonical form. If Ceilometer's agents are to be metered, or agents " +
    "with `wire: ceilometer`, write `collector: { signatures: [canonical, ceilometer] }` and then run 'nephoscope dead-letters replay --reason form-refused'",
  'signature-wrong': "it was changed on the way, or signed with a secret that is not among this collector's",
};

/** Number of bad messages that are kept separately for one delivery; millions of them would fill the memory. */
export const maxRefusals = 1_000;

/** {@link reading}, run to its end. */
export function takeIn(delivery: Delivery, readers: Readers, body?: Uint8Array): Intake {
  const steps = reading(delivery, readers, body);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Characters of messages that are read in one step. Since the contents are bounded, this bounds the time. */
const stepLength = 16 * 1024;
/** Each message counts as this many additional characters, because refusing one takes time, however short it is. */
const messageLength = 256;

/**
 * Reads a delivery step by step, each at most a few milliseconds; returns the intake at its end. Never throws.
 *
 * Each step yields whether more of its messages so far are good than bad, undefined before the first. `enough` ends a
 * doubted reading there: its bad messages and the unread rest are refused together.
 */
export type Reading = Generator<boolean | undefined, Intake, 'enough' | undefined>;

/**
 * Reads and verifies each metering message of a delivery separately: a bad one does not affect the others. If more
 * than {@link maxRefusals} are bad, reading ends there and the whole delivery is refused, in addition to the samples
 * found so far; if it is replayed, these are repetitions.
 *
 * @param body if it differs from that of the delivery, such as a decompressed one
 */
export function* reading(delivery: Delivery, readers: Readers, body = delivery.body): Reading {
  const { contentType } = delivery;
  const unread = unreadRefusal(delivery);
  if (unread !== undefined) return { delivery, samples: [], refusals: [unread], withoutVolume: [] };
  let read = 0;
  const samples: Sample[] = [];
  const refusals: Refusal[] = [];
  const withoutVolume: WithoutVolume[] = [];
  for (const text of meteringSteps(body, contentType)) {
    if (text === undefined) {
      yield undefined;
      continue;
    }
    const taken = typeof text === 'string' ? takeOne(text, readers) : unreadable(text.reason, text.bytes);
    if ('messageId' in taken) samples.push(taken);
    else if ('kind' in taken) refusals.push(taken);
    else withoutVolume.push(taken);
    if (refusals.length > maxRefusals) {
      const why = `the first of more than ${maxRefusals} bad messages in this one, which was not read further`;
      return { delivery, samples, refusals: [together(refusals, why)], withoutVolume };
    }
    read += messageLength + (typeof text === 'string' ? text.length : text.bytes.length);
    if (read < stepLength) continue;
    read = 0;
    const isGood = samples.length + withoutVolume.length > refusals.length;
    if ((yield isGood) === 'enough' && !isGood) {
      const why =
        'this message begins with more bad lines than good ones and was not read further: many such messages arrived at once';
      return { delivery, samples, refusals: [together(refusals, why)], withoutVolume };
    }
  }
  if (samples.length + refusals.length + withoutVolume.length === 0)
    refusals.push(unreadable('the message is empty'));
  return { delivery, samples, refusals, withoutVolume };
}

/** For an unreadable delivery: a single dead letter, unchanged. */
// oxlint-disable-next-line require-yield -- a reading of one step
export function* refusing(delivery: Delivery, error: unknown): Reading {
  return { delivery, samples: [], refusals: [unreadable(describeError(error))], withoutVolume: [] };
}

/**
 * Larger than any body of our agents. One such body is read at a time, because its contents may be several times as
 * large.
 */
export const maxMiddleBytes = 1024 * 1024;
/** A message that was begun this often and never finished may have ended the collectors that began it. */
const mostAttempts = 2;

/** Compressed signed samples, whose signatures are random, are at most a tenth of the largest document. */
const maxCompressedBytes = 4 * 1024 * 1024;

/** Why a delivery is not read at all; undefined if it is to be read. */
export function unreadRefusal({ body, attempts = 0, compression }: Delivery): Refusal | undefined {
  const { byteLength } = body;
  if (compression !== undefined && byteLength > maxCompressedBytes)
    return unreadable(`a compressed message of ${byteLength} bytes, more than ${maxCompressedBytes}`);
  if (byteLength > maxMeteringDocumentBytes)
    return unreadable(`a message of ${byteLength} bytes, more than ${maxMeteringDocumentBytes}`);
  if (byteLength <= maxMiddleBytes || attempts < mostAttempts) return undefined;
  const reason = `unfinished: a message of ${byteLength} bytes that was begun ${attempts} times and never finished`;
  return { kind: 'unfinished', reason, count: 1 };
}

function takeOne(text: string, readers: Readers): Sample | Refusal | WithoutVolume {
  try {
    const read = readers.messages.read(text);
    const refusal = refusalOf(read.message, readers, text);
    if (refusal !== undefined) return refusal;
    readers.messages.learn(read);
    return read.sample;
  } catch (error) {
    if (isNephoscopeError(error, 'SAMPLE_WITHOUT_VOLUME')) return takeWithoutVolume(text, readers);
    return unreadable(describeError(error), Buffer.from(text));
  }
}

/** It was read, and nothing else is wrong with it; if it is unsigned it is a dead letter nevertheless. */
function takeWithoutVolume(text: string, readers: Readers): Refusal | WithoutVolume {
  const message = parseJson(text) as JsonObject;
  const named = {
    counterName: message.get('counter_name'),
    resourceId: message.get('resource_id'),
  } as WithoutVolume;
  return refusalOf(signedMessage(message), readers, text) ?? named;
}

function refusalOf(message: SignedMessage, { verifier }: Readers, text: string): Refusal | undefined {
  const verdict = verifier.verify(message);
  if (verdict !== 'verified') return refusal(verdict, explanations[verdict], text);
  const ambiguity = message.ambiguity();
  if (ambiguity === undefined) return undefined;
  const why = `its signature is valid, but in Ceilometer's form the signed text could also be another message: ${ambiguity}`;
  return refusal('form-ambiguous', why, text);
}

function refusal(kind: Refusal['kind'], why: string, text: string): Refusal {
  return { kind, reason: `${kind}: ${why}`, bytes: Buffer.from(text), count: 1 };
}

function unreadable(why: string, bytes?: Uint8Array): Refusal {
  return { kind: 'unreadable', reason: `unreadable: ${why}`, count: 1, ...(bytes && { bytes }) };
}

function together(refusals: readonly Refusal[], explanation: string): Refusal {
  const { kind, reason } = refusals[0] as Refusal;
  return { kind, reason: `${reason} (${explanation})`, count: refusals.length };
}
