import { isJsonObject } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

/** Keys of secrets, and of contexts, which nova serialises into payloads with the caller's token. */
const secretKey =
  /token|secret|passw|pass$|credential|private_?key|api_?key|authorization|cookie|user_?data|^_?context|_context$/i;

/**
 * Fernet tokens, a password within a URL, and `token=…` as Python prints objects and dictionaries. Each pattern
 * examines a character a bounded number of times, whatever the text, because anyone on the bus may send it.
 */
const secretText = [
  /gAAAA[\w=-]{16}/,
  /:\/\/[^/\s:@]*:[^/\s@]+@/,
  /(?:token|secret|passw(?:or)?d|credentials?)['"\\]*\s*[:=]\s*\S/i,
];

/** Whether a text may contain a token or a password. */
export function mayHoldSecret(text: string): boolean {
  return secretText.some((pattern) => pattern.test(text)) || holdsWebToken(text);
}

/** A run of such characters, from its beginning, before a dot that is followed by at least as many as a token has. */
const beforeDot = /(?<![\w-])[\w-]{11,}(?=\.[\w-]{8})/g;

/**
 * JSON web tokens, `eyJ…….………`. Each run is searched once: starting at each `eyJ` would search a long run repeatedly.
 */
function holdsWebToken(text: string): boolean {
  for (const [run] of text.matchAll(beforeDot)) {
    const start = run.indexOf('eyJ');
    if (start !== -1 && run.length - start >= 11) return true;
  }
  return false;
}

/** The same without possible credentials, at any depth: keys are omitted, and items of lists are null. */
export function withoutCredentials(object: JsonObject): JsonObject {
  const kept = new Map<string, JsonValue>();
  for (const [key, value] of object) {
    if (secretKey.test(key) || (typeof value === 'string' && mayHoldSecret(value))) continue;
    kept.set(key, cleaned(value));
  }
  return kept;
}

function cleaned(value: JsonValue): JsonValue {
  if (typeof value === 'string') return mayHoldSecret(value) ? null : value;
  if (isJsonObject(value)) return withoutCredentials(value);
  return Array.isArray(value) ? (value as readonly JsonValue[]).map(cleaned) : value;
}
