import { bootGuest, filterName } from '../guest.js';
import { sharedLibvirtd } from '../shared.js';
import { domainStats } from './domain-stats.js';
import { waitUntil } from '../processes.js';

describe('a guest', () => {
  it('changes every counter of its disks, its NICs and its processor', async () => {
    const libvirtd = sharedLibvirtd();
    const guest = await bootGuest(libvirtd, {
      disks: 2,
      nics: [{ filterParameters: { IP: '10.0.0.7' } }, {}],
      vcpus: 2,
    });
    try {
      const counters = [
        'cpu.time',
        ...['block.0', 'block.1'].flatMap((disk) =>
          ['rd', 'wr'].flatMap((way) => [`${disk}.${way}.reqs`, `${disk}.${way}.bytes`]),
        ),
        ...['net.0', 'net.1'].flatMap((nic) =>
          ['rx', 'tx'].flatMap((way) => [`${nic}.${way}.pkts`, `${nic}.${way}.bytes`]),
        ),
      ];
      // Not only the first few bytes: the BIOS reads the first disk once, and the kernel announces itself on a new tap.
      const first = await settled();
      await waitUntil('every counter moves', async () => {
        const now = await domainStats(libvirtd, guest.name);
        return counters.every((name) => (now[name] ?? 0n) > (first[name] ?? 0n));
      });
      const xml = await libvirtd.virsh('dumpxml', guest.uuid);
      expect(xml).toContain(`<filterref filter='${filterName}'>`);
      expect(xml).toContain('<nova:project uuid="909c4662f43441bcb7e3bece767e7d73">alpha</nova:project>');
    } finally {
      await guest.destroy();
    }
    expect(await libvirtd.virsh('list', '--all', '--name')).not.toContain(guest.name);

    async function settled() {
      let stats: Record<string, bigint> = {};
      await waitUntil('the last disk was written twice', async () => {
        stats = await domainStats(libvirtd, guest.name);
        return (stats['block.1.wr.reqs'] ?? 0n) >= 2n;
      });
      return stats;
    }
  });

  it('accepts another disk while it runs, and can be shut off and started', async () => {
    const libvirtd = sharedLibvirtd();
    const guest = await bootGuest(libvirtd, { nics: [{ bridge: 'br-test' }], diskBus: 'ide', nova: false });
    try {
      const path = await guest.attachDisk();
      expect(await libvirtd.virsh('domblklist', guest.uuid)).toContain(path);
      expect(await libvirtd.virsh('dumpxml', guest.uuid)).not.toContain('<metadata>');
      await guest.shutOff();
      expect(await libvirtd.virsh('domstate', guest.uuid)).toContain('shut off');
      await guest.start();
      expect(await libvirtd.virsh('domstate', guest.uuid)).toContain('running');
    } finally {
      await guest.destroy();
    }
  });
});
