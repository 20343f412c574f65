import { createHash } from 'node:crypto';

/** A UUID as it is usually written, so that its bytes give the text again. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The 16 bytes by which a message is known: of an id that is a UUID its own, which keep their order in time; of any
 * other one the beginning of its SHA-256, so that the id must stand beside it.
 */
export function messageKey(messageId: string): { readonly key: Buffer; readonly isId: boolean } {
  if (uuid.test(messageId)) return { key: Buffer.from(messageId.replaceAll('-', ''), 'hex'), isId: true };
  // As JSON where UTF-8 would make one of several: it knows no half of a surrogate pair.
  const text = messageId.isWellFormed() ? messageId : JSON.stringify(messageId);
  return { key: createHash('sha256').update(text).digest().subarray(0, 16), isId: false };
}
