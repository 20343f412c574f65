import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

import { NephoscopeError } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { SamplePage, SampleReader } from '@nephoscope/core/sample-store';

const algorithm = 'aes-256-gcm';
const ivLength = 12;
const tagLength = 16;
/** Bytes. A cursor is padded to a multiple, so that its length does not show how many samples the store has. */
const block = 128;

/**
 * A reader whose cursors are encrypted for those who do not see all: one holds the position in the whole store, which shows how much is
 * recorded for others. The key is the same for all servers with the same secrets; without secrets it is the process's own, and a cursor is
 * invalid after a restart.
 */
export function sealCursors(reader: SampleReader, secrets: readonly Secret[] | undefined): SampleReader {
  const secret = secrets?.[0]?.reveal() ?? randomBytes(32);
  const keyFor = (use: string) => Buffer.from(hkdfSync('sha256', secret, '', `nephoscope cursor ${use}`, 32));
  const seal = sealing(keyFor('encryption'), keyFor('nonce'));
  const samplePage: SampleReader['samplePage'] = async (query, signal): Promise<SamplePage> => {
    if (query.scope === 'all') return await reader.samplePage(query, signal);
    const cursor = query.cursor === undefined ? undefined : seal.open(query.cursor);
    const { samples, next } = await reader.samplePage({ ...query, cursor }, signal);
    return { samples, next: next === undefined ? undefined : seal.close(next) };
  };
  return new Proxy(reader, {
    get(target, name) {
      if (name === 'samplePage') return samplePage;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function sealing(key: Buffer, nonceKey: Buffer) {
  return {
    /** The same cursor becomes the same text, so that a reply has one ETag: the nonce follows from what is encrypted. */
    close(cursor: string): string {
      const bytes = Buffer.from(cursor);
      const padded = Buffer.alloc(Math.ceil((bytes.length + 1) / block) * block);
      bytes.copy(padded);
      padded[bytes.length] = 0x80;
      const iv = createHmac('sha256', nonceKey).update(padded).digest().subarray(0, ivLength);
      const cipher = createCipheriv(algorithm, key, iv);
      return Buffer.concat([iv, cipher.update(padded), cipher.final(), cipher.getAuthTag()]).toString('base64url');
    },
    /** @throws CURSOR_INVALID */
    open(text: string): string {
      const bytes = Buffer.from(text, 'base64url');
      try {
        const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivLength), {
          authTagLength: tagLength,
        });
        decipher.setAuthTag(bytes.subarray(-tagLength));
        const padded = Buffer.concat([decipher.update(bytes.subarray(ivLength, -tagLength)), decipher.final()]);
        return padded.subarray(0, padded.lastIndexOf(0x80)).toString();
      } catch (error) {
        throw new NephoscopeError(
          'CURSOR_INVALID',
          'the cursor is not one that this API gave: begin with the first page',
          {
            cause: error,
          },
        );
      }
    },
  };
}
