import { createHash } from 'node:crypto';

/**
 * A message id derived from the identity of a sample: the same parts give the same id, so that a sample created again
 * after a crash or in another process is not counted twice. A UUID of version 8 (RFC 9562) made from the SHA-256 of
 * the parts, each preceded by its length.
 */
export function derivedMessageId(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  const bytes = hash.digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
