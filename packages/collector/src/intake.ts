import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Delivery } from '@nephoscope/core/message-bus';
import type { Sample } from '@nephoscope/core/sample-store';
import { maxMeteringDocumentBytes, meteringSteps, parseJson, signedMessage } from '@nephoscope/message';
import type { JsonObject, RejectionReason, SignedMessage, Verifier } from '@nephoscope/message';

import type { KnownMessages } from './known/known-messages.js';

/** What goes to the dead letters, and why. */
export interface Refusal {
  /** Label of the metric. */
  readonly kind:
    'unreadable' | 'unfinished' | RejectionReason | 'form-ambiguous' | 'expired' | 'conflict' | 'SAMPLE_INVALID';
  /** For operators; begins with the kind. */
  readonly reason: string;
  /** The whole message, as it came, where there are none. */
  readonly bytes?: Uint8Array;
  /** How many metering messages were found bad in it. */
  readonly count: number;
}

/** Whoever made it measured nothing and said so (`counter_volume` is null): no store could ever record it. */
export interface WithoutVolume {
  readonly counterName: string;
  readonly resourceId: string;
}

/** A delivery, read: what of it is to be recorded, what is to go to the dead letters, and what is nothing. */
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

/** What an operator should know of each reason beside its name. */
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

/** So many bad messages of one delivery are told from the good ones; millions of them would take all memory. */
export const maxRefusals = 1_000;

/** {@link reading}, to its end. */
export function takeIn(delivery: Delivery, readers: Readers, body?: Uint8Array): Intake {
  const steps = reading(delivery, readers, body);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Characters of messages that are read in one step. What they hold is bounded, so that this bounds its time. */
const stepLength = 16 * 1024;
/** As so many more counts each message: to refuse one takes some time, however short it is. */
const messageLength = 256;

/**
 * Reads a delivery step by step, each some milliseconds at the most; gives the intake at its end. Never throws.
 *
 * Each step tells whether more of its messages are good than bad so far, undefined before the first; `enough` ends one
 * that is in doubt there, and what is bad of it with what was not read is refused together.
 */
export type Reading = Generator<boolean | undefined, Intake, 'enough' | undefined>;

/**
 * Reads and verifies each metering message of a delivery by itself: a bad one costs the others nothing. Where more than
 * {@link maxRefusals} are bad the reading ends there and the delivery is refused whole, beside the samples found so
 * far: when it is taken again they are known.
 *
 * @param body where it is not what came, as of a compressed one
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

/** Of what cannot be read at all: nothing but its dead letter, as it came. */
// oxlint-disable-next-line require-yield -- a reading of one step
export function* refusing(delivery: Delivery, error: unknown): Reading {
  return { delivery, samples: [], refusals: [unreadable(describeError(error))], withoutVolume: [] };
}

/**
 * Larger than any body of our agents; of these one at a time is read, since what is made of it may be several times as
 * large.
 */
export const maxMiddleBytes = 1024 * 1024;
/** One that was begun so often and never done with may be what ended those who had begun it. */
const mostAttempts = 2;

/** Signed samples, whose signatures are random, come to a tenth of the largest document at the most. */
const maxCompressedBytes = 4 * 1024 * 1024;

/** Why a delivery is not begun at all; undefined for one that is to be read. */
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

/** It was read, and nothing else is wrong with it: what nobody signed is a dead letter all the same. */
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
