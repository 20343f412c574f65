import type { Secret } from '@nephoscope/core/options';

import { formWriters } from './form-writers.js';
import { formatJson } from './json.js';
import type { JsonObject, JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';
import { signatureForms } from './signature-form.js';
import type { FormWriter, SignatureForm } from './signature-form.js';
import { emptySecret, schemeOf, secretKey } from './signature-scheme.js';
import type { SigningKey } from './signature-scheme.js';
import { signedMessage, signedText } from './signed-message.js';
import type { SignedMessage } from './signed-message.js';

export interface Signer {
  /** Writes the signed text, for {@link sign}. */
  readonly writer: FormWriter;
  /** `signature_key` of the messages; undefined in Ceilometer's form, which names no key. */
  readonly key: string | undefined;
  /** The signature of a signed text, which may be given in parts. */
  sign(...parts: readonly string[]): string;
}

/** Why a message is not trusted. */
export type RejectionReason =
  /** It has no `message_signature`. */
  | 'unsigned'
  /** Its `signature_key` names a scheme that this version does not support, or is not a string. */
  | 'scheme-unknown'
  /** Its `message_signature` does not have the format of its scheme. */
  | 'signature-malformed'
  /** Its `signature_form` is unknown to this version. */
  | 'form-unknown'
  /** Its `signature_form` is known but not accepted here. */
  | 'form-refused'
  /** It was modified, or signed with an unknown key. */
  | 'signature-wrong';

export interface Verifier {
  verify(message: JsonObject | SignedMessage): 'verified' | RejectionReason;
}

/** @throws SECRET_EMPTY */
export function createSigner({ secret, form }: { readonly secret: Secret; readonly form: SignatureForm }): Signer {
  const { name, sign } = secretKey(secret, form);
  return { writer: formWriters[form], key: form === 'ceilometer' ? undefined : name, sign };
}

/**
 * The JSON text of a signed message: all of its members except those of the signature, in signing order, followed by
 * the signature.
 */
export function signJsonMessage(message: JsonObject, { writer, key, sign }: Signer): string {
  const own = new Map<string, JsonValue>(message).set('signature_form', writer.name);
  for (const old of ['message_signature', 'signature_key']) own.delete(old);
  if (key !== undefined) own.set('signature_key', key);
  const ordered = new Map(inKeyOrder(own));
  return formatJson(ordered.set('message_signature', sign(signedText(writer, ordered))));
}

/**
 * Verifies messages signed with any of the secrets; several are accepted while one replaces another. A message that
 * names its key is verified with that one alone; a message without a key name, as before version 0.2, with each.
 *
 * @param options `forms` lists the accepted forms, by default all. A message that does not name its form is in
 *   Ceilometer's.
 * @throws SECRET_EMPTY
 */
export function createVerifier(options: {
  readonly secrets: readonly Secret[];
  readonly forms?: readonly SignatureForm[] | undefined;
}): Verifier {
  const { secrets, forms = signatureForms } = options;
  if (secrets.length === 0) throw emptySecret();
  const keys: { readonly [F in SignatureForm]: readonly SigningKey[] } = {
    ceilometer: secrets.map((secret) => secretKey(secret, 'ceilometer')),
    canonical: secrets.map((secret) => secretKey(secret, 'canonical')),
  };

  return {
    verify(message) {
      const signed = 'signedText' in message ? message : signedMessage(message);
      const { form, key, signature } = signed;
      if (signature === undefined || signature === null) return 'unsigned';
      const scheme = typeof key === 'string' || key === undefined ? schemeOf(key) : undefined;
      if (scheme === undefined) return 'scheme-unknown';
      if (typeof signature !== 'string' || !scheme.isSignature(signature)) return 'signature-malformed';
      if (form === undefined) return 'form-unknown';
      if (!forms.includes(form)) return 'form-refused';
      const text = signed.signedText();
      const isSigned = keys[form].some(
        ({ name, verify }) => (key === undefined || key === name) && verify(text, signature),
      );
      return isSigned ? 'verified' : 'signature-wrong';
    },
  };
}
