import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

import { readRecordedMessage } from './read-metering-message.js';
import type { RejectionReason, Verifier } from './signature.js';
import type { SignatureForm } from './signature-form.js';

/** The form of the valid signature, or why the sample cannot be trusted: in one word, and in a sentence. */
export type SampleCheck =
  | { readonly form: SignatureForm }
  | { readonly problem: RejectionReason | 'unreadable' | 'columns-differ'; readonly reason: string };

const reasons: Readonly<Record<RejectionReason, string>> = {
  unsigned: 'the message has no signature',
  'scheme-unknown': 'its signature has a scheme that this version does not know',
  'signature-malformed': 'its signature does not fit its scheme',
  'form-unknown': 'its signature has a form that this version does not know',
  'form-refused': 'its signature has a form that is not accepted',
  'signature-wrong': 'the signature does not hold: the message was changed, or signed with another secret',
};

const columns = [
  'messageId',
  'source',
  'meter',
  'type',
  'unit',
  'volume',
  'userId',
  'projectId',
  'resourceId',
  'timestamp',
  'publisherId',
  'sequence',
  'epoch',
] as const;

/**
 * Checks a stored sample: the signature of its message, and each column against the message. It parses each message
 * completely, and shares no shortcut with the collector that recorded it.
 */
export function checkSample(sample: Sample, verifier: Verifier): SampleCheck {
  let read: ReturnType<typeof readRecordedMessage>;
  try {
    read = readRecordedMessage(sample.text);
  } catch (error) {
    if (!isNephoscopeError(error)) throw error;
    return { problem: 'unreadable', reason: describeError(error) };
  }
  const verdict = verifier.verify(read.message);
  if (verdict !== 'verified') return { problem: verdict, reason: reasons[verdict] };
  const edited = columns.find((column) => sample[column] !== asColumn(read.sample[column]));
  if (edited !== undefined)
    return {
      problem: 'columns-differ',
      reason: `the stored ${edited} is ${String(sample[edited])}, the signed message says ${String(read.sample[edited])}`,
    };
  return { form: read.message.get('signature_form') === 'canonical' ? 'canonical' : 'ceilometer' };
}

/** Databases cannot store U+0000 in a text: stores replace it by U+FFFD. */
function asColumn<T>(value: T): T | string {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;
}
