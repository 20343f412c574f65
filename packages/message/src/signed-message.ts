import { ceilometerAmbiguity } from './ceilometer-ambiguity.js';
import { formWriters } from './form-writers.js';
import type { JsonObject, JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';
import { isSignatureForm } from './signature-form.js';
import type { FormWriter, SignatureForm } from './signature-form.js';

/** What a verifier asks of a message. */
export interface SignedMessage {
  readonly signature: JsonValue | undefined;
  /** Its `signature_key`, `SCHEME:ID`; undefined when it names none. */
  readonly key: JsonValue | undefined;
  /** Undefined when it names one that this version does not know; one that names none is in Ceilometer's. */
  readonly form: SignatureForm | undefined;
  /** All of its fields but the signature, in pieces; bytes among them are in UTF-8. Nothing when the form is unknown. */
  signedText(): readonly (string | Uint8Array)[];
  /** Why it may say something else than what was signed though its signature holds; undefined where it cannot. */
  ambiguity(): string | undefined;
}

export function signedMessage(message: JsonObject): SignedMessage {
  const named = message.get('signature_form') ?? 'ceilometer';
  const form = isSignatureForm(named) ? named : undefined;
  return {
    signature: message.get('message_signature'),
    key: message.get('signature_key'),
    form,
    signedText: () => (form === undefined ? [] : [signedText(formWriters[form], message)]),
    ambiguity: () => (form === 'ceilometer' ? ceilometerAmbiguity(message) : undefined),
  };
}

/** The text of a message that is signed: all of its fields but `message_signature`. */
export function signedText(writer: FormWriter, message: JsonObject): string {
  let text = writer.head(message.size - (message.has('message_signature') ? 1 : 0));
  for (const [key, value] of inKeyOrder(message))
    if (key !== 'message_signature') text += writer.field(key, value);
  return text;
}
