import { networkInterfaces } from 'node:os';
import { bootGuest } from '../testbed/guest.js';
import { virsh, type Undo } from './host-libvirt.js';

/**
 * Boots two tiny guests on this host's libvirt; nothing of them stays when they end.
 *
 * @param directory for their disks; QEMU's user must be able to reach it
 */
export async function bootDemoGuests(directory: string, undo: Undo[]): Promise<void> {
  const hypervisor = { directory, virsh };
  const answeringAddress = hostAddress();
  const common = { persistent: false, ...(answeringAddress === undefined ? {} : { answeringAddress }) };
  const guests = [
    { name: 'nephoscope-demo-1', nova: { displayName: 'web' } },
    { name: 'nephoscope-demo-2', nova: { displayName: 'database' }, disks: 2, vcpus: 2 },
  ];
  for (const options of guests) {
    try {
      const guest = await bootGuest(hypervisor, { ...options, ...common });
      undo.push(guest.destroy);
    } catch (error) {
      if (process.getuid?.() === 0) throw error;
      throw new Error(
        `No instance runs on this host, and this user cannot boot one (${(error as Error).message}). Type:\n  sudo npm start`,
        { cause: error },
      );
    }
  }
}

/** An address that the host's kernel answers for on every interface; without one the guests receive little. */
function hostAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
