import { createHmac } from 'node:crypto';

import { NephoscopeError } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';

import { canonicalKeyLabel } from './canonical-form.js';
import { HmacSha256 } from './hmac-sha256.js';
import type { SignatureForm } from './signature-form.js';

/** What signs and verifies signed texts, which may come in parts. Bytes among them are in UTF-8. */
export interface SigningKey {
  /** `SCHEME:ID`, as `signature_key` of a message names it. */
  readonly name: string;
  sign(...parts: readonly (string | Uint8Array)[]): string;
  verify(parts: readonly (string | Uint8Array)[], signature: string): boolean;
}

/** A way to sign. Everything that depends on it stands here: a further one is a further entry of {@link schemes}. */
interface SignatureScheme {
  /** Whether a text may be a signature of this scheme at all. */
  isSignature(text: string): boolean;
}

const hmacSha256 = 'hmac-sha256';

const schemes: ReadonlyMap<string, SignatureScheme> = new Map([
  [hmacSha256, { isSignature: (text: string) => /^[0-9a-f]{64}$/.test(text) }],
]);

/** A message that names no key is signed with a shared secret. */
const unnamed = `${hmacSha256}:`;

/** The scheme that a message's `signature_key` names; undefined for one that this version does not know. */
export function schemeOf(key = unnamed): SignatureScheme | undefined {
  const end = key.indexOf(':');
  return schemes.get(end < 0 ? key : key.slice(0, end));
}

const nameLabel = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope key name 1')]);
const idLength = 16;

/**
 * The key that a shared secret is in a form of signature: the canonical form has one of its own, so that no signature in one
 * form is ever one in the other.
 *
 * @throws SECRET_EMPTY
 */
export function secretKey(secret: Secret, form: SignatureForm): SigningKey {
  return derivedKey(secret, form === 'ceilometer' ? undefined : canonicalKeyLabel);
}

/**
 * The key HMAC-SHA256(secret, label) of a shared secret, or without a label the secret itself. Its id is the beginning of
 * HMAC-SHA256(secret, another label), which tells no more of the secret than any signature does.
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
