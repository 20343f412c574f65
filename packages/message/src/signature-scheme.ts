import { createHmac } from 'node:crypto';

import { NephoscopeError } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';

import { canonicalKeyLabel } from './canonical-form.js';
import { HmacSha256 } from './hmac-sha256.js';
import type { SignatureForm } from './signature-form.js';

/** Signs and verifies texts, which may be given in parts. Byte arrays among them are UTF-8. */
export interface SigningKey {
  /** `SCHEME:ID`, as in `signature_key` of a message. */
  readonly name: string;
  sign(...parts: readonly (string | Uint8Array)[]): string;
  verify(parts: readonly (string | Uint8Array)[], signature: string): boolean;
}

/** A signature scheme. Everything specific to it is here: another one is another entry of {@link schemes}. */
interface SignatureScheme {
  /** Whether a text has the format of this scheme's signatures. */
  isSignature(text: string): boolean;
}

const hmacSha256 = 'hmac-sha256';

const schemes: ReadonlyMap<string, SignatureScheme> = new Map([
  [hmacSha256, { isSignature: (text: string) => /^[0-9a-f]{64}$/.test(text) }],
]);

/** A message without a key name is signed with a shared secret. */
const unnamed = `${hmacSha256}:`;

/** The scheme named in a message's `signature_key`; undefined if this version does not support it. */
export function schemeOf(key = unnamed): SignatureScheme | undefined {
  const end = key.indexOf(':');
  return schemes.get(end < 0 ? key : key.slice(0, end));
}

const nameLabel = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope key name 1')]);
const idLength = 16;

/**
 * The key of a shared secret for a form of signature. The canonical form has its own, so that a signature in one form
 * is never valid in the other.
 *
 * @throws SECRET_EMPTY
 */
export function secretKey(secret: Secret, form: SignatureForm): SigningKey {
  return derivedKey(secret, form === 'ceilometer' ? undefined : canonicalKeyLabel);
}

/**
 * The key HMAC-SHA256(secret, label) of a shared secret, or without a label the secret itself. Its id is the
 * beginning of HMAC-SHA256(secret, another label), which reveals no more about the secret than any signature does.
 *
 * @throws SECRET_EMPTY
 */
export function derivedKey(secret: Secret, label: Uint8Array | undefined): SigningKey {
  const key = Buffer.from(secret.reveal(), 'utf8');
  if (key.length === 0) throw emptySecret();
  const keyed = (text: Uint8Array) => createHmac('sha256', key).update(text);
  const hmac = new HmacSha256(label === undefined ? key : keyed(label).digest());
  return {
    name: unnamed + keyed(nameLabel).digest('hex').slice(0, idLength),
    sign: (...parts) => hmac.digest(...parts),
    verify: (parts, signature) => hmac.matches(parts, signature),
  };
}

export function emptySecret(): NephoscopeError {
  return new NephoscopeError(
    'SECRET_EMPTY',
    'there is no secret to sign metering messages with: set one, the same for agents and collectors',
  );
}
