import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { Secret } from '@nephoscope/core/options';

const redacted = String(new Secret(''));
const secretKey = /secret|passw|passphrase|pass$|pwd$|token|credential|(private|api|access)_?key$|authorization/i;

export function isSecretKey(key: string): boolean {
  return secretKey.test(key);
}

/** A copy without secrets: no values of secret-sounding keys, no passwords in URLs. */
export function withoutSecrets(value: unknown, key = ''): unknown {
  if (isSecretKey(key) && value !== null && value !== undefined)
    return Array.isArray(value) ? value.map(() => redacted) : redacted;
  if (typeof value === 'string') return value.replace(/(:\/\/[^/?#:@]*):.*@/gs, `$1:${redacted}@`);
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutSecrets(item, name)]));
}

/**
 * A warning about a file with secrets that every user of the machine may read or change. Access by a group is
 * allowed: operators use it.
 */
export async function exposedSecrets(path: string, values: Record<string, unknown>): Promise<readonly string[]> {
  if (JSON.stringify(withoutSecrets(values)) === JSON.stringify(values)) return [];
  return exposure(path, 'which holds secrets');
}

/**
 * Where a libvirt client looks for its TLS key if its URL names no directory: root's, and before that other users'
 * own.
 */
const libvirtKeys = [
  '/etc/pki/libvirt/private/clientkey.pem',
  ...(process.geteuid?.() === 0 ? [] : [join(homedir(), '.pki', 'libvirt', 'clientkey.pem')]),
];

/**
 * The same for the files with private keys that a configuration names or uses from their default place; a missing
 * file is reported when it is used.
 */
export async function exposedKeys(
  values: unknown,
  ofLibvirt: readonly string[] = libvirtKeys,
): Promise<readonly string[]> {
  const paths = new Set(keyFiles(values, ofLibvirt));
  const told = await Promise.all(
    Array.from(paths, (path) => exposure(path, 'a private key').catch((): readonly string[] => [])),
  );
  return told.flat();
}

/**
 * In a bus's options (`keyFile`), and in URLs of PostgreSQL (`sslkey`) and libvirt (`pkipath`, or the default with
 * TLS).
 */
function keyFiles(value: unknown, ofLibvirt: readonly string[], key = ''): readonly string[] {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, item]) => keyFiles(item, ofLibvirt, name));
  if (typeof value !== 'string') return [];
  if (/key_?file$/i.test(key)) return [value];
  if (!value.includes('://') || !URL.canParse(value)) return [];
  const { protocol, hostname, searchParams } = new URL(value);
  const [sslKey, folder] = [searchParams.get('sslkey'), searchParams.get('pkipath')];
  if (sslKey !== null) return [sslKey];
  if (folder !== null) return [join(folder, 'clientkey.pem')];
  // `qemu+tls://…`; and `qemu://host/…`, which uses TLS too.
  const isByTls = protocol.endsWith('+tls:') || (key === 'uri' && hostname !== '' && !protocol.includes('+'));
  return isByTls ? ofLibvirt : [];
}

async function exposure(path: string, what: string): Promise<readonly string[]> {
  const { mode } = await stat(path);
  const open = [...((mode & 0o004) !== 0 ? ['read'] : []), ...((mode & 0o002) !== 0 ? ['change'] : [])];
  if (open.length === 0) return [];
  return [`every user of this host may ${open.join(' and ')} ${path}, ${what}: chmod o-rwx ${path}`];
}
