import { describeError, meteringTexts, readMeteringMessage } from '@nephoscope/core';
import type { Delivery, RejectionReason, Sample, Verifier } from '@nephoscope/core';

/** A message that will not be recorded, and why. */
export interface Refusal {
  /** To count it by. */
  readonly kind: 'unreadable' | RejectionReason;
  /** For people; begins with the kind. */
  readonly reason: string;
  readonly bytes: Uint8Array;
}

/** A delivery, read: what of it is to be recorded, and what is to go to the dead letters. */
export interface Intake {
  readonly delivery: Delivery;
  readonly samples: readonly Sample[];
  readonly refusals: readonly Refusal[];
}

/** What an operator should know of each reason beside its name. */
const explanations: Readonly<Record<RejectionReason, string>> = {
  unsigned: 'it has no signature',
  'signature-malformed': 'its signature is not 64 lower-case hexadecimal digits',
  'form-unknown': 'its form of signature is none that this version knows',
  'form-refused': 'its form of signature is not accepted here (collector.signatures)',
  'signature-wrong': "it was changed on the way, or signed with a secret that is not among this collector's",
};

/** Reads and verifies each metering message of a delivery by itself: a bad one costs the others nothing. */
export function takeIn(delivery: Delivery, verifier: Verifier): Intake {
  const samples: Sample[] = [];
  const refusals: Refusal[] = [];
  const unreadable = (why: string, bytes: Uint8Array) =>
    refusals.push({ kind: 'unreadable', reason: `unreadable: ${why}`, bytes });
  for (const text of meteringTexts(delivery.body, delivery.contentType)) {
    if (typeof text !== 'string') {
      unreadable(text.reason, text.bytes);
      continue;
    }
    try {
      const { message, sample } = readMeteringMessage(text);
      const verdict = verifier.verify(message);
      if (verdict === 'verified') samples.push(sample);
      else
        refusals.push({ kind: verdict, reason: `${verdict}: ${explanations[verdict]}`, bytes: Buffer.from(text) });
    } catch (error) {
      unreadable(describeError(error), Buffer.from(text));
    }
  }
  if (samples.length === 0 && refusals.length === 0) unreadable('the message is empty', delivery.body);
  return { delivery, samples, refusals };
}
