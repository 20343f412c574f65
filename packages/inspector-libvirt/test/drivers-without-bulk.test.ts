import { Fault } from '@nephoscope/libvirt/testing';
import type { FakeDomain, Handler } from '@nephoscope/libvirt/testing';

import {
  tap,
  guest,
  xmlOf,
  busyPart,
  daemon,
  started,
  callsOf,
  names,
  useFakeDaemon,
  hostStats,
  processStats,
} from './fake-host.js';
import { named, until } from './support.js';

useFakeDaemon();

describe('a driver that reports nothing in bulk', () => {
  const info = { state: 1, maxMemoryKib: 1n, memoryKib: 1n, vcpus: 2, cpuTimeNs: 2n ** 63n };
  const io = { readBytes: 1n, readRequests: 2n, writeBytes: 3n, writeRequests: 4n, errors: undefined };
  const traffic = {
    rxBytes: 1n,
    rxPackets: 2n,
    rxErrors: 3n,
    rxDrop: 4n,
    txBytes: 5n,
    txPackets: 6n,
    txErrors: undefined,
    txDrop: 8n,
  };
  const plain = (id: number, more: Partial<FakeDomain> = {}): FakeDomain =>
    guest(id, {
      stats: { 'state.state': 1 },
      info,
      memoryStats: { available: 10n, unused: 4n, rss: 3n },
      blockStats: { vda: io },
      blockInfo: { vda: { capacity: 3n, allocation: 2n, physical: 1n } },
      interfaceStats: { [tap(id)]: traffic },
      ...more,
    });
  beforeEach(() => void daemon.handle('connectGetUri', () => 'xen:///system'));

  it('is queried for each device', async () => {
    const { read } = await started([plain(1)]);
    expect((await read())[0]?.parts).toMatchObject({
      cpu: { count: 2, timeNs: 2n ** 63n, vcpus: { missing: 'unsupported' } },
      memory: { usedKib: 6n, residentKib: 3n, swapInKib: undefined },
      disks: [
        { io: { readBytes: 1n, writeRequests: 4n, readTimeNs: undefined }, size: { capacity: 3n, physical: 1n } },
      ],
      vnics: [{ traffic: { rxBytes: 1n, rxDrops: 4n, txErrors: undefined, txDrops: 8n } }],
    });
  });

  it('is not queried for what its bulk record contains', async () => {
    const { read } = await started([plain(1, { stats: { ...hostStats(1), ...processStats } })]);
    const [reading] = await read();
    expect(reading?.parts).toMatchObject({ cpu: { timeNs: 100n }, disks: [{ io: { readBytes: 7n } }] });
    expect(callsOf('domainGetInfo') + callsOf('domainBlockStats') + callsOf('domainInterfaceStats')).toBe(0);
  });

  it('reports what is unsupported, unknown or failed', async () => {
    const card = "<interface type='hostdev'><mac address='fa:16:3e:00:00:01'/></interface>";
    const unknown = { ...io, readBytes: undefined };
    const { read } = await started([
      guest(1, { stats: { 'state.state': 1 }, blockStats: { vda: unknown }, xml: xmlOf(1, card) }),
      plain(2, { id: -1 }),
    ]);
    daemon.handle('domainGetBlockInfo', () => {
      throw new Fault(55, 'domain is not running');
    });
    daemon.handle('domainMemoryStats', () => {
      throw new Fault(1, 'internal error: broken');
    });
    const unsupported = { missing: 'unsupported' };
    const readings = await read();
    expect(named(readings, 'guest-1').parts).toMatchObject({
      cpu: unsupported,
      memory: { missing: 'error', detail: 'internal error: broken' },
      disks: [{ io: unsupported, size: { missing: 'off' } }],
      vnics: [
        { traffic: unsupported },
        { traffic: { missing: 'unsupported', detail: expect.stringContaining('passed through') as unknown } },
      ],
    });
    expect(named(readings, 'guest-2').parts).toMatchObject({
      cpu: { missing: 'off' },
      memory: { missing: 'off' },
      vnics: { missing: 'off' },
    });
  });

  it('omits a domain that vanishes between two calls', async () => {
    const { read } = await started([plain(1), plain(2)]);
    const answer: Handler<'domainBlockStats'> = daemon.handle('domainBlockStats', (args) => {
      if (args.domain.name === 'guest-1') throw new Fault(42, 'Domain not found');
      return answer(args);
    });
    expect(names(await read())).toEqual(['guest-2']);
  });

  it('that hangs for a domain has a single pending call for it, until that returns', async () => {
    const { read } = await started([plain(1), plain(2)]);
    let goOn = (): void => undefined;
    const again = new Promise<void>((resolve) => (goOn = resolve));
    const answer: Handler<'domainGetInfo'> = daemon.handle('domainGetInfo', async (domain) => {
      if (domain.name === 'guest-1') await again;
      return answer(domain);
    });
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(named(readings, 'guest-1').parts).toMatchObject({
        cpu: busyPart,
        memory: busyPart,
        disks: [{ io: busyPart, size: busyPart }],
      });
      expect(named(readings, 'guest-2').parts).toMatchObject({ cpu: { count: 2 } });
    }
    expect(callsOf('domainGetInfo')).toBe(4);
    goOn();
    await until(async () => !('missing' in (named(await read(), 'guest-1').parts.cpu ?? busyPart)));
  });
});
