import { readFile } from 'node:fs/promises';

/**
 * The number that this host's kernel assigned to a network device: different for each device until the host boots,
 * even with the same name. Undefined if there is no such device, as in another network namespace.
 */
export async function cardNumber(name: string): Promise<string | undefined> {
  if (!/^[^/\0]{1,15}$/.test(name) || name === '.' || name === '..') return undefined;
  try {
    return (await readFile(`/sys/class/net/${name}/ifindex`, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
