import { stat } from 'node:fs/promises';

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
  const { mode } = await stat(path);
  const open = [...((mode & 0o004) !== 0 ? ['read'] : []), ...((mode & 0o002) !== 0 ? ['change'] : [])];
  if (open.length === 0 || JSON.stringify(withoutSecrets(values)) === JSON.stringify(values)) return [];
  return [`every user of this host may ${open.join(' and ')} ${path}, which holds secrets: chmod o-rwx ${path}`];
}
