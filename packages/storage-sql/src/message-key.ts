import { createHash } from 'node:crypto';

/** A UUID in its usual notation, which its bytes reproduce. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The 16 bytes that identify a message: for a UUID its own, which are ordered by time; for any other id the beginning
 * of its SHA-256, so that the id must be stored too.
 */
export function messageKey(messageId: string): { readonly key: Buffer; readonly isId: boolean } {
  if (uuid.test(messageId)) return { key: Buffer.from(messageId.replaceAll('-', ''), 'hex'), isId: true };
  // As JSON where UTF-8 would make several ids the same, because it cannot represent half a surrogate pair.
  const text = messageId.isWellFormed() ? messageId : JSON.stringify(messageId);
  return { key: createHash('sha256').update(text).digest().subarray(0, 16), isId: false };
}
