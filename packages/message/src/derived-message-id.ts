import { createHash } from 'node:crypto';

/**
 * A message id made of what makes a sample the one that it is: the same parts give the same id, so that whoever makes
 * it again, after a crash or in another process, does not count twice. A UUID of version 8 (RFC 9562) of the SHA-256 of
 * the parts, each behind its length.
 */
export function derivedMessageId(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  const bytes = hash.digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
