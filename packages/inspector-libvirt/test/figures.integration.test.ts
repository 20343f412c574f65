import type { InstanceReading } from '@nephoscope/core/instance';

import { bootGuest } from '../../../tools/testbed/guest.js';
import type { Guest } from '../../../tools/testbed/guest.js';
import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';
import { sharedLibvirtd } from '../../../tools/testbed/shared.js';

import { inspectorOf, named } from './support.js';
import type { TestInspector } from './support.js';

const { virsh, socketReadOnly } = sharedLibvirtd();
const uriOf = (socket: string): string => `qemu+unix:///system?socket=${encodeURIComponent(socket)}`;
const signal = new AbortController().signal;

/** Figures of one guest by `virsh`'s names. */
type Figures = ReadonlyMap<string, bigint>;

const figuresIn = (text: string, line: RegExp): [string, bigint][] =>
  [...text.matchAll(line)].map(([, name = '', value = '']): [string, bigint] => [name, BigInt(value)]);

/** The output of three virsh commands, each figure under a name of its own. */
async function virshFigures(
  { name, nics }: Pick<Guest, 'name' | 'nics'>,
  disks: readonly string[],
): Promise<Figures> {
  const stats = figuresIn(await virsh('domstats', name), /^ +(\S+)=(\d+)$/gm);
  const blocks = await Promise.all(
    disks.map(async (disk) =>
      figuresIn(await virsh('domblkstat', name, disk), /^\w+ (\w+) (\d+)/gm).map(
        ([key, value]): [string, bigint] => [`${disk}.${key}`, value],
      ),
    ),
  );
  const cards = await Promise.all(
    nics.map(async ({ tap }) =>
      figuresIn(await virsh('domifstat', name, tap), /^\S+ (\w+) (\d+)/gm).map(
        ([key, value]): [string, bigint] => [`${tap}.${key}`, value],
      ),
    ),
  );
  return new Map([...stats, ...blocks.flat(), ...cards.flat()]);
}

/** The reading's figures under virsh's names. */
function ourFigures({ parts }: InstanceReading): Figures {
  const { cpu, memory, disks, vnics } = parts;
  const figures = new Map<string, bigint | undefined>();
  if (cpu === undefined || 'missing' in cpu || memory === undefined || 'missing' in memory)
    throw new Error('cpu or memory is missing');
  if (disks === undefined || 'missing' in disks || vnics === undefined || 'missing' in vnics)
    throw new Error('disks or vnics are missing');
  figures.set('cpu.time', cpu.timeNs).set('vcpu.current', BigInt(cpu.count));
  if ('missing' in cpu.vcpus) throw new Error('the virtual CPUs are missing');
  for (const { number, timeNs, waitNs } of cpu.vcpus)
    figures.set(`vcpu.${number}.time`, timeNs).set(`vcpu.${number}.delay`, waitNs);
  for (const [index, { disk, io, size }] of disks.entries()) {
    if ('missing' in io || 'missing' in size || typeof size.capacity === 'object')
      throw new Error(`${disk.device} is missing`);
    const bulk = {
      'rd.bytes': io.readBytes,
      'rd.reqs': io.readRequests,
      'rd.times': io.readTimeNs,
      'wr.bytes': io.writeBytes,
      'wr.reqs': io.writeRequests,
      'wr.times': io.writeTimeNs,
      capacity: size.capacity,
    };
    for (const [key, value] of Object.entries(bulk)) figures.set(`block.${index}.${key}`, value);
    const own = {
      rd_bytes: io.readBytes,
      rd_req: io.readRequests,
      wr_bytes: io.writeBytes,
      wr_req: io.writeRequests,
    };
    for (const [key, value] of Object.entries(own)) figures.set(`${disk.device}.${key}`, value);
  }
  for (const [index, { vnic, traffic }] of vnics.entries()) {
    if ('missing' in traffic) throw new Error(`${vnic.name} is missing`);
    const both: readonly (readonly [string, string, bigint | undefined])[] = [
      ['rx.bytes', 'rx_bytes', traffic.rxBytes],
      ['rx.pkts', 'rx_packets', traffic.rxPackets],
      ['rx.errs', 'rx_errs', traffic.rxErrors],
      ['rx.drop', 'rx_drop', traffic.rxDrops],
      ['tx.bytes', 'tx_bytes', traffic.txBytes],
      ['tx.pkts', 'tx_packets', traffic.txPackets],
      ['tx.errs', 'tx_errs', traffic.txErrors],
      ['tx.drop', 'tx_drop', traffic.txDrops],
    ];
    for (const [bulk, own, value] of both)
      figures.set(`net.${index}.${bulk}`, value).set(`${vnic.name}.${own}`, value);
  }
  return new Map([...figures].filter((figure): figure is [string, bigint] => figure[1] !== undefined));
}

describe('figures of QEMU guests', () => {
  const guests: Guest[] = [];
  let reader: TestInspector;
  beforeAll(async () => {
    guests.push(
      await bootGuest(sharedLibvirtd(), {
        disks: 2,
        nics: [{ filterParameters: { IP: '192.0.2.7', MyName: 'x' } }, {}],
      }),
      await bootGuest(sharedLibvirtd(), { nova: false, diskBus: 'ide' }),
    );
    reader = inspectorOf(uriOf(socketReadOnly));
    await reader.inspector.start(signal);
  });
  afterAll(async () => {
    await reader.inspector.stop();
    await Promise.all(guests.map((guest) => guest.destroy()));
  });

  it.each([
    [0, ['vda', 'vdb'], 50],
    [1, ['hda'], 30],
  ])('are between those that virsh prints before and after: guest %i', async (index, disks, atLeast) => {
    const guest = guests[index]!;
    const before = await virshFigures(guest, disks);
    const ours = ourFigures(named(await reader.read(), guest.name));
    const after = await virshFigures(guest, disks);
    expect(ours.size).toBeGreaterThanOrEqual(atLeast);
    const wrong = [...ours].filter(([name, value]) => {
      const [low, high] = [before.get(name), after.get(name)];
      return low === undefined || high === undefined || value < low || value > high;
    });
    expect(wrong).toEqual([]);
  });

  it('include the facts from the XML', async () => {
    const readings = await reader.read();
    const [filtered, plain] = guests.map(({ name }) => named(readings, name));
    expect(filtered).toMatchObject({
      instance: {
        id: guests[0]?.uuid,
        displayName: `display name of ${guests[0]?.name}`,
        projectId: '909c4662f43441bcb7e3bece767e7d73',
        flavor: { name: 'm1.tiny' },
      },
      parts: {
        vnics: [
          {
            vnic: {
              name: guests[0]?.nics[0]?.tap,
              mac: guests[0]?.nics[0]?.mac,
              fref: 'nova-base',
              parameters: { ip: '192.0.2.7', myname: 'x' },
            },
          },
          { vnic: { name: guests[0]?.nics[1]?.tap, fref: null, parameters: {} } },
        ],
      },
    });
    expect(plain?.instance).toMatchObject({
      displayName: guests[1]?.name,
      projectId: null,
      userId: null,
      flavor: undefined,
    });
  });

  it('of a guest that is paused, then shut off, and its next run', async () => {
    const { name, shutOff, start } = guests[1]!;
    const first = named(await reader.read(), name).instance.run;
    await virsh('suspend', name);
    expect(named(await reader.read(), name)).toMatchObject({
      instance: { state: 'paused', run: first },
      parts: { disks: [{ io: { readTimeNs: expect.anything() as unknown } }] },
    });
    await shutOff();
    expect(named(await reader.read(), name)).toMatchObject({
      instance: { state: 'shutoff', run: undefined },
      parts: {
        cpu: { missing: 'off' },
        vnics: { missing: 'off' },
        disks: [{ disk: { device: 'hda' }, io: { missing: 'off' }, size: { capacity: 1_048_576n } }],
      },
    });
    await start();
    const { run } = named(await reader.read(), name).instance;
    expect(run).toBeDefined();
    expect(run).not.toBe(first);
  });

  it('of a disk that is attached later', async () => {
    const guest = guests[0]!;
    const devices = async () => {
      const { disks } = named(await reader.read(), guest.name).parts;
      return disks === undefined || 'missing' in disks ? [] : disks.map(({ disk }) => disk);
    };
    const before = await devices();
    const images = [...guest.disks, await guest.attachDisk()];
    const after = await devices();
    expect(after).toEqual(
      ['vda', 'vdb', 'vdc'].map((device, index) => ({
        device,
        plugging: [expect.stringMatching(/^\d+$/)],
        alias: `virtio-disk${index}`,
        storage: 'file',
        format: 'raw',
        image: JSON.stringify({ file: images[index] }),
      })),
    );
    // Different disks have different marks.
    expect(new Set(after.flatMap(({ plugging }) => plugging)).size).toBe(3);
    expect(after[0]).toBe(before[0]);
    // The event has arrived by now: the object comes from the XML, and stays the same.
    expect((await devices())[2]).toBe((await devices())[2]);
  });
});

describe('unusual devices', () => {
  let libvirtd: PrivateLibvirtd;
  beforeAll(async () => (libvirtd = await startLibvirtd()));
  afterAll(() => libvirtd.stop());

  it('drives without a medium and cards without a device are unsupported, not busy', async () => {
    const { name } = await bootGuest(libvirtd, {
      nova: { displayName: 'Zoë\'s <box> & 😀 "q"' },
      extraDevices: `
        <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
        <interface type='user'><mac address='fa:16:3e:00:00:07'/><model type='ne2k_pci'/><rom enabled='no'/></interface>`,
    });
    const { inspector, read } = inspectorOf(uriOf(libvirtd.socketReadOnly));
    await inspector.start(signal);
    try {
      expect(named(await read(), name)).toMatchObject({
        instance: { displayName: 'Zoë\'s <box> & 😀 "q"' },
        parts: {
          disks: [{}, { disk: { device: 'hdc' }, io: { readBytes: 0n }, size: { missing: 'unsupported' } }],
          vnics: [{}, { vnic: { name: 'fa:16:3e:00:00:07' }, traffic: { missing: 'unsupported' } }],
        },
      });
    } finally {
      await inspector.stop();
    }
  });

  it('are queried one by one with the test driver', async () => {
    const { inspector, read } = inspectorOf(
      `test+unix:///default?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`,
    );
    await inspector.start(signal);
    try {
      expect(named(await read(), 'test')).toMatchObject({
        instance: { id: '6695eb01-f6a4-8304-79aa-97f2502e193f', state: 'running', projectId: null },
        parts: {
          cpu: { timeNs: expect.anything() as unknown, count: 2, vcpus: { missing: 'unsupported' } },
          disks: [
            { disk: { device: 'vda' }, io: { readTimeNs: undefined }, size: { capacity: 1_099_506_450_432n } },
          ],
          vnics: [
            {
              vnic: { name: 'testnet0', mac: 'aa:bb:cc:dd:ee:ff' },
              traffic: { rxErrors: expect.anything() as unknown },
            },
          ],
        },
      });
    } finally {
      await inspector.stop();
    }
  });
});
