import { describeError, readMeteringMessage, splitMeteringBatch } from '@nephoscope/core';
import type { Delivery, Sample, Verifier } from '@nephoscope/core';

/** A line that will not be recorded, and why. */
export interface Refusal {
  readonly reason: string;
  readonly bytes: Uint8Array;
}

/** A delivery, read: what of it is to be recorded, and what is to go to the dead letters. */
export interface Intake {
  readonly delivery: Delivery;
  readonly samples: readonly Sample[];
  readonly refusals: readonly Refusal[];
}

/**
 * Reads and verifies each metering message of a delivery by itself: a bad one costs the others nothing.
 * A refusal's reason begins with a word to count it by: `unreadable`, or why the signature does not hold.
 */
export function takeIn(delivery: Delivery, verifier: Verifier): Intake {
  const samples: Sample[] = [];
  const refusals: Refusal[] = [];
  let lines = 0;
  for (const line of splitMeteringBatch(delivery.body)) {
    lines += 1;
    if (typeof line !== 'string') {
      refusals.push({ reason: `unreadable: ${line.reason}`, bytes: line.bytes });
      continue;
    }
    try {
      const { message, sample } = readMeteringMessage(line);
      const verdict = verifier.verify(message);
      if (verdict === 'verified') samples.push(sample);
      else refusals.push({ reason: `${verdict}: the signature of the message does not hold`, bytes: Buffer.from(line) });
    } catch (error) {
      refusals.push({ reason: `unreadable: ${describeError(error)}`, bytes: Buffer.from(line) });
    }
  }
  if (lines === 0) refusals.push({ reason: 'unreadable: the message is empty', bytes: delivery.body });
  return { delivery, samples, refusals };
}
