import { createHmac } from 'node:crypto';

import { NephoscopeError } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core';

import { canonicalKeyLabel } from './canonical-form.js';
import { formWriters } from './form-writers.js';
import { HmacSha256 } from './hmac-sha256.js';
import { formatJson } from './json.js';
import type { JsonObject, JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';
import { signatureForms, signedMessage, signedText } from './signature-form.js';
import type { FormWriter, SignatureForm, SignedMessage } from './signature-form.js';

export interface Signer {
  /** How the signed text is written; {@link sign} takes it. */
  readonly writer: FormWriter;
  /** The signature of a signed text, which may come in parts: 64 lower-case hexadecimal digits. */
  sign(...parts: readonly string[]): string;
}

/** Why a message is not to be trusted. */
export type RejectionReason =
  /** It has no `message_signature`. */
  | 'unsigned'
  /** Its `message_signature` is not 64 lower-case hexadecimal digits. */
  | 'signature-malformed'
  /** Its `signature_form` is none that this version knows. */
  | 'form-unknown'
  /** Its `signature_form` is known but not accepted here. */
  | 'form-refused'
  /** It was changed, or signed with another secret. */
  | 'signature-wrong';

export interface Verifier {
  verify(message: JsonObject | SignedMessage): 'verified' | RejectionReason;
}

/** @throws SECRET_EMPTY */
export function createSigner({ secret, form }: { readonly secret: Secret; readonly form: SignatureForm }): Signer {
  const hmac = formHmac(secret, form);
  return { writer: formWriters[form], sign: (...parts) => hmac.digest(...parts) };
}

/** The JSON text of a message, signed: all of its members but what says so, in signing order, and then the signature. */
export function signJsonMessage(message: JsonObject, { writer, sign }: Signer): string {
  const own = new Map<string, JsonValue>(message).set('signature_form', writer.name);
  own.delete('message_signature');
  const ordered = new Map(inKeyOrder(own));
  return formatJson(ordered.set('message_signature', sign(signedText(writer, ordered))));
}

/**
 * Verifies messages signed with any of the secrets; several are for the time in which one replaces another.
 *
 * @param options `forms` are those that are accepted, by default all. A message that does not name its form is
 *   in Ceilometer's.
 * @throws SECRET_EMPTY
 */
export function createVerifier(options: {
  readonly secrets: readonly Secret[];
  readonly forms?: readonly SignatureForm[] | undefined;
}): Verifier {
  const { secrets, forms = signatureForms } = options;
  if (secrets.length === 0) throw emptySecret();
  const hmacs = {
    ceilometer: secrets.map((secret) => formHmac(secret, 'ceilometer')),
    canonical: secrets.map((secret) => formHmac(secret, 'canonical')),
  };

  return {
    verify(message) {
      const signed = 'signedText' in message ? message : signedMessage(message);
      const { form, signature } = signed;
      if (signature === undefined || signature === null) return 'unsigned';
      if (typeof signature !== 'string' || !/^[0-9a-f]{64}$/.test(signature)) return 'signature-malformed';
      if (form === undefined) return 'form-unknown';
      if (!forms.includes(form)) return 'form-refused';
      const text = signed.signedText();
      return hmacs[form].some((hmac) => hmac.matches(text, signature)) ? 'verified' : 'signature-wrong';
    },
  };
}

/** The canonical form has a key of its own, so that no signature in one form is ever one in the other. */
function formHmac(secret: Secret, form: SignatureForm): HmacSha256 {
  const key = Buffer.from(secret.reveal(), 'utf8');
  if (key.length === 0) throw emptySecret();
  return new HmacSha256(
    form === 'ceilometer' ? key : createHmac('sha256', key).update(canonicalKeyLabel).digest(),
  );
}

function emptySecret(): NephoscopeError {
  return new NephoscopeError(
    'SECRET_EMPTY',
    'there is no secret to sign metering messages with: set one, the same for agents and collectors',
  );
}
