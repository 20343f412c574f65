import { existsSync } from 'node:fs';
import { freeze } from '../freeze.js';
import { bootGuest } from '../guest.js';
import { accepts, startLibvirtd, type PrivateLibvirtd } from '../libvirtd.js';
import { isAlive, waitUntil } from '../processes.js';
import { sharedLibvirtd } from '../shared.js';
import { domainStats } from './domain-stats.js';

describe('a private libvirtd', () => {
  let libvirtd: PrivateLibvirtd;
  beforeAll(async () => {
    libvirtd = await startLibvirtd();
  });
  afterAll(() => libvirtd.stop());

  it('has no guests of others', async () => {
    expect(await sharedLibvirtd().virsh('list', '--name')).toContain('testbed-plain');
    expect(await libvirtd.virsh('list', '--all', '--name')).not.toContain('testbed-plain');
  });

  it('can be killed and restarted while its guest keeps running', async () => {
    const guest = await bootGuest(libvirtd);
    const [daemon, qemu] = await Promise.all([libvirtd.pid(), libvirtd.guestPid(guest.name)]);
    await libvirtd.kill();
    expect(await accepts(libvirtd.socket)).toBe(false);
    await libvirtd.start();
    expect(await libvirtd.pid()).not.toBe(daemon);
    expect(await libvirtd.guestPid(guest.name)).toBe(qemu);
    expect(await libvirtd.virsh('domstate', guest.name)).toContain('running');
    await guest.destroy();
    expect(await isAlive(qemu)).toBe(false);
  });

  it('ends with a suspended guest and leaves no process behind', async () => {
    const other = await startLibvirtd();
    const guest = await bootGuest(other);
    await waitUntil(
      'the guest runs',
      async () => ((await domainStats(other, guest.name))['block.0.wr.reqs'] ?? 0n) > 0n,
    );
    const [daemon, qemu] = await Promise.all([other.pid(), other.guestPid(guest.name)]);
    await freeze(qemu);
    await other.stop();
    expect(await Promise.all([isAlive(daemon), isAlive(qemu)])).toEqual([false, false]);
    expect(existsSync(other.directory)).toBe(false);
  });
});
