import type { Hypervisor } from '../libvirtd.js';

/** The integers in `virsh domstats` for one guest. */
export async function domainStats(hypervisor: Hypervisor, guest: string): Promise<Record<string, bigint>> {
  const text = await hypervisor.virsh('domstats', guest);
  return Object.fromEntries(
    [...text.matchAll(/^ {2}(\S+)=(\d+)$/gm)].map(([, name = '', value = '']) => [name, BigInt(value)]),
  );
}
