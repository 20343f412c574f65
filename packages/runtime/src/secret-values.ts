import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { Secret } from '@nephoscope/core';

const redacted = String(new Secret(''));
const secretKey = /secret|passw|token|credential|private_?key/i;

/** The same without what is secret: no values of keys that sound like it, no passwords in URLs. */
export function withoutSecrets(value: unknown, key = ''): unknown {
  if (secretKey.test(key) && value !== null && value !== undefined)
    return Array.isArray(value) ? value.map(() => redacted) : redacted;
  if (typeof value === 'string') return value.replace(/(:\/\/[^/?#:@]*):.*@/gs, `$1:${redacted}@`);
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutSecrets(item, name)]));
}

/**
 * What is to be said of a file with secrets in it that every user of the machine may read, or change. That a group may
 * read it is fine: it is how an operator's account gets at it.
 */
export async function exposedSecrets(path: string, values: Record<string, unknown>): Promise<readonly string[]> {
  if (JSON.stringify(withoutSecrets(values)) === JSON.stringify(values)) return [];
  return exposure(path, 'which holds secrets');
}

/** The same of the files with private keys that a configuration names; one that is not there is told by whoever reads it. */
export async function exposedKeys(values: unknown): Promise<readonly string[]> {
  const paths = new Set(keyFiles(values));
  const told = await Promise.all(
    Array.from(paths, (path) => exposure(path, 'a private key').catch((): readonly string[] => [])),
  );
  return told.flat();
}

/** As a bus has it (`keyFile`), and in URLs of PostgreSQL (`sslkey`) and libvirt (`pkipath`). */
function keyFiles(value: unknown, key = ''): readonly string[] {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, item]) => keyFiles(item, name));
  if (typeof value !== 'string') return [];
  if (/key_?file$/i.test(key)) return [value];
  if (!value.includes('://') || !URL.canParse(value)) return [];
  const { searchParams } = new URL(value);
  const [sslKey, folder] = [searchParams.get('sslkey'), searchParams.get('pkipath')];
  return [...(sslKey === null ? [] : [sslKey]), ...(folder === null ? [] : [join(folder, 'clientkey.pem')])];
}

async function exposure(path: string, what: string): Promise<readonly string[]> {
  const { mode } = await stat(path);
  const open = [...((mode & 0o004) !== 0 ? ['read'] : []), ...((mode & 0o002) !== 0 ? ['change'] : [])];
  if (open.length === 0) return [];
  return [`every user of this host may ${open.join(' and ')} ${path}, ${what}: chmod o-rwx ${path}`];
}
