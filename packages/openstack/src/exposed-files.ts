import { stat } from 'node:fs/promises';

const secretKey = /secret|passw|token/i;

/** A warning about a file with a secret that every user of the host may read or change; undefined if there is none. */
export async function exposure(path: string, what: string): Promise<string | undefined> {
  const { mode } = await stat(path);
  const open = [...((mode & 0o004) !== 0 ? ['read'] : []), ...((mode & 0o002) !== 0 ? ['change'] : [])];
  if (open.length === 0) return undefined;
  return `every user of this host may ${open.join(' and ')} ${path}, ${what}: chmod o-rwx ${path}`;
}

/** Whether some key of a file sounds like a secret and has a value. */
export function holdsSecret(content: unknown): boolean {
  if (typeof content !== 'object' || content === null) return false;
  return Object.entries(content).some(([key, value]) =>
    typeof value === 'object' ? holdsSecret(value) : secretKey.test(key) && Boolean(value),
  );
}
