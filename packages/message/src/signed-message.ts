import { ceilometerAmbiguity } from './ceilometer-ambiguity.js';
import { formWriters } from './form-writers.js';
import type { JsonObject, JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';
import { isSignatureForm } from './signature-form.js';
import type { FormWriter, SignatureForm } from './signature-form.js';

/** What a verifier needs of a message. */
export interface SignedMessage {
  readonly signature: JsonValue | undefined;
  /** Its `signature_key`, `SCHEME:ID`; undefined if it has none. */
  readonly key: JsonValue | undefined;
  /** Undefined if this version does not know it; a message that names none is in Ceilometer's form. */
  readonly form: SignatureForm | undefined;
  /**
   * All of its fields except the signature, in parts; byte arrays among them are UTF-8. Empty if the form is unknown.
   */
  signedText(): readonly (string | Uint8Array)[];
  /** Why it may differ from what was signed although its signature is valid; undefined if it cannot. */
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

/** The signed text of a message: all of its fields except `message_signature`. */
export function signedText(writer: FormWriter, message: JsonObject): string {
  let text = writer.head(message.size - (message.has('message_signature') ? 1 : 0));
  for (const [key, value] of inKeyOrder(message))
    if (key !== 'message_signature') text += writer.field(key, value);
  return text;
}
