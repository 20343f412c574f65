import { readFileSync } from 'node:fs';

import type { TypedValue } from '@nephoscope/libvirt';

import { groupsOf, readPart } from '../src/bulk-stats.js';
import { parseDomainXml } from '../src/domain-xml.js';
import type { DomainDescription } from '../src/domain-xml.js';
import { busy, notCounted, notReported, off, passedThrough } from '../src/missing.js';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** `virsh domstats` does not print libvirt's types: these are the figures that are not 64 bits wide. */
const narrow = /^(state\.|vcpu\.(current|maximum|\d+\.state)|net\.count|block\.count|block\.\d+\.backingIndex)/;

function paramsOf(name: string): Map<string, TypedValue> {
  const text =
    read('domstats.txt')
      .split(/^Domain: /m)
      .find((record) => record.startsWith(`'${name}'`)) ?? '';
  return new Map(
    [...text.matchAll(/^ {2}(\S+)=(.*)$/gm)].map(([, key = '', value = '']): [string, TypedValue] => {
      if (!/^-?\d+$/.test(value)) return [key, value];
      return [key, narrow.test(key) ? Number(value) : BigInt(value)];
    }),
  );
}

const description = (devices: string): DomainDescription =>
  parseDomainXml(`<domain><vcpu>3</vcpu><devices>${devices}</devices></domain>`);
const nothing = description('');
const beyond = 2n ** 63n + 12_345_678_901n;

describe('a recorded guest with two CPUs and three disks', () => {
  const params = paramsOf('instance-00001011');
  const domain = parseDomainXml(read('cases/nova-1011.xml'));

  it('cpu', () => {
    expect(readPart.cpu(params, domain, true, busy)).toEqual({
      count: 2,
      timeNs: 13_431_894_000n,
      vcpus: [
        { number: 0, timeNs: 8_940_000_000n, waitNs: 18_386_104_669n },
        { number: 1, timeNs: 0n, waitNs: 63_828_711n },
      ],
    });
  });

  it('memory', () => {
    expect(readPart.memory(params, domain, true, busy)).toEqual({ residentKib: 49_864n });
  });

  it('disks', () => {
    const disks = readPart.disks(params, domain, true, busy);
    expect(disks).toMatchObject([
      {
        disk: { device: 'vda' },
        io: {
          readBytes: 490_496n,
          readRequests: 958n,
          readTimeNs: 6_205_213_470n,
          writeBytes: 489_984n,
          writeRequests: 957n,
          writeTimeNs: 11_300_290_975n,
        },
        // For an image with a format, the bulk call does not report its length.
        size: { allocation: 335_872n, capacity: 2_147_483_648n, physical: undefined },
      },
      { disk: { device: 'vdb' }, io: { readBytes: 0n }, size: { capacity: 1_073_741_824n } },
      { disk: { device: 'vdc' }, size: { capacity: 67_108_864n } },
    ]);
    expect(disks).toMatchObject(domain.disks.map((disk) => ({ disk })));
  });

  it('vnics', () => {
    expect(readPart.vnics(params, domain, true, busy)).toEqual([
      {
        vnic: domain.vnics[0],
        traffic: {
          rxBytes: 90n,
          rxPackets: 1n,
          rxErrors: 0n,
          rxDrops: 0n,
          txBytes: 0n,
          txPackets: 0n,
          txErrors: 0n,
          txDrops: 0n,
        },
      },
    ]);
  });
});

it('requests the groups that the parts need', () => {
  expect(groupsOf).toEqual({
    cpu: ['cpuTotal', 'vcpu'],
    memory: ['balloon', 'perf'],
    disks: ['block'],
    vnics: ['interface'],
  });
});

describe('cpu', () => {
  it('counts beyond 2^63', () => {
    const params = new Map<string, TypedValue>([
      ['cpu.time', beyond],
      ['vcpu.current', 1],
      ['vcpu.maximum', 1],
      ['vcpu.0.delay', beyond],
    ]);
    expect(readPart.cpu(params, nothing, true, busy)).toEqual({
      count: 1,
      timeNs: beyond,
      vcpus: [{ number: 0, timeNs: undefined, waitNs: beyond }],
    });
  });

  it('uses the wait if there is no delay, never both, and omits missing CPUs', () => {
    const params = new Map<string, TypedValue>([
      ['cpu.time', 1n],
      ['vcpu.current', 2],
      ['vcpu.maximum', 4],
      ['vcpu.0.wait', 5n],
      ['vcpu.0.delay', 7n],
      ['vcpu.2.wait', 11n],
    ]);
    expect(readPart.cpu(params, nothing, true, busy)).toMatchObject({
      count: 2,
      vcpus: [
        { number: 0, waitNs: 7n },
        { number: 2, waitNs: 11n },
      ],
    });
  });

  it('has the number of CPUs from the XML if the driver reports none, and no times that were not requested', () => {
    expect(readPart.cpu(new Map([['cpu.time', 1n]]), nothing, true, busy)).toEqual({
      count: 3,
      timeNs: 1n,
      vcpus: busy,
    });
  });

  it('is missing, not 0, if its figure is missing', () => {
    expect(readPart.cpu(new Map(), nothing, true, busy)).toBe(notReported);
    expect(readPart.cpu(new Map([['cpu.time', 1n]]), nothing, false, busy)).toBe(off);
  });
});

describe('memory', () => {
  const total = 2n ** 43n + 12_345n;
  const whole = {
    'balloon.rss': 10n,
    'balloon.available': total,
    'balloon.unused': 3n,
    'balloon.swap_in': 0n,
    'balloon.swap_out': 2n,
  };

  it("in use is the guest's memory minus what it reports as free", () => {
    expect(readPart.memory(new Map(Object.entries(whole)), nothing, true, busy)).toMatchObject({
      usedKib: total - 3n,
      residentKib: 10n,
      swapInKib: 0n,
      swapOutKib: 2n,
    });
    expect(
      readPart.memory(new Map(Object.entries({ ...whole, 'balloon.usable': 5n })), nothing, true, busy),
    ).toMatchObject({
      usedKib: total - 5n,
    });
  });

  it.each([
    [
      'more free memory than memory',
      { 'balloon.available': 100n, 'balloon.usable': 150n },
      'of which 150 KiB are free',
    ],
    ['no memory, and some of it free', { 'balloon.available': 0n, 'balloon.unused': 500n }, 'of which 500 KiB'],
    [
      'more memory than its maximum',
      { 'balloon.maximum': 1_048_576n, 'balloon.available': 2n ** 54n, 'balloon.usable': 0n },
      'of at most 1048576 KiB',
    ],
    ['more memory than any machine', { 'balloon.available': 2n ** 54n, 'balloon.usable': 0n }, 'of at most'],
  ])('of a guest that reports %s is an error', (_what, figures: Record<string, bigint>, detail) => {
    const params = new Map(Object.entries({ 'balloon.rss': 10n, 'balloon.swap_in': 3n, ...figures }));
    expect(readPart.memory(params, nothing, true, busy)).toMatchObject({
      usedKib: { missing: 'error', detail: expect.stringContaining(detail) as unknown },
      residentKib: 10n,
      swapInKib: 3n,
      swapOutKib: undefined,
    });
  });

  it('that was swapped by an absurd amount is an error, separately for each count', () => {
    const params = new Map(Object.entries({ ...whole, 'balloon.swap_in': 2n ** 64n - 1n }));
    expect(readPart.memory(params, nothing, true, busy)).toMatchObject({
      usedKib: total - 3n,
      swapInKib: { missing: 'error' },
      swapOutKib: 2n,
    });
    const full = new Map(Object.entries({ 'balloon.rss': 10n, 'balloon.available': 7n, 'balloon.usable': 7n }));
    expect(readPart.memory(full, nothing, true, busy)).toMatchObject({ usedKib: 0n });
  });

  it('has the bandwidth if it is measured', () => {
    const params = new Map(Object.entries({ ...whole, 'perf.mbmt': 8n, 'perf.mbml': 4n }));
    expect(readPart.memory(params, nothing, true, busy)).toMatchObject({ bandwidthTotal: 8n, bandwidthLocal: 4n });
  });

  it('of a hung guest is busy even if its balloon is known', () => {
    expect(readPart.memory(new Map([['balloon.current', 1024n]]), nothing, true, busy)).toBe(busy);
    expect(readPart.memory(new Map(), nothing, false, busy)).toBe(off);
  });
});

describe('disks', () => {
  const figures = (index: number, value: bigint): [string, TypedValue][] =>
    ['rd.bytes', 'rd.reqs', 'wr.bytes', 'wr.reqs'].map((name) => [`block.${index}.${name}`, value]);
  const sizes = (index: number): [string, TypedValue][] =>
    ['capacity', 'allocation', 'physical'].map((name) => [`block.${index}.${name}`, 4096n]);

  it('count beyond 2^63, and have no times if they are not measured', () => {
    const params = new Map([['block.count', 1], ['block.0.name', 'vda'], ...figures(0, beyond)] as [
      string,
      TypedValue,
    ][]);
    expect(readPart.disks(params, nothing, true, busy)).toMatchObject([
      { io: { readBytes: beyond, writeRequests: beyond, readTimeNs: undefined } },
    ]);
  });

  it('have no size for an empty drive, and no figures if QEMU does not count them, instead of being busy', () => {
    const params = new Map<string, TypedValue>([
      ['block.count', 3],
      ['block.0.name', 'hda'],
      ...sizes(0),
      ['block.1.name', 'hdc'],
      ...figures(1, 0n),
      ['block.2.name', 'vdx'],
    ]);
    expect(readPart.disks(params, nothing, true, busy)).toMatchObject([
      { io: notReported, size: { capacity: 4096n } },
      { io: { readBytes: 0n }, size: { missing: 'unsupported' } },
      { io: notReported, size: { missing: 'unsupported' } },
    ]);
  });

  it('are those with a name: their numbers may have gaps', () => {
    const params = new Map<string, TypedValue>([
      ['block.count', 3],
      ['block.0.name', 'vda'],
      ...figures(0, 1n),
      ...sizes(1),
      ['block.3.name', 'vdd'],
      ...figures(3, 4n),
      ['block.4.name', 'vde'],
    ]);
    expect(readPart.disks(params, nothing, true, busy)).toMatchObject([
      { disk: { device: 'vda' }, io: { readBytes: 1n } },
      { disk: { device: 'vdd' }, io: { readBytes: 4n } },
      { disk: { device: 'vde' }, io: notReported },
    ]);
    const cut = new Map<string, TypedValue>([
      ['block.count', 3],
      ['block.1.name', 'vdb'],
    ]);
    expect(readPart.disks(cut, nothing, false, busy)).toMatchObject([{ disk: { device: 'vdb' } }]);
  });

  it('have each size separately', () => {
    const params = new Map<string, TypedValue>([
      ['block.count', 1],
      ['block.0.name', 'vda'],
      ['block.0.capacity', 1_048_576n],
      ['block.0.physical', 4096n],
    ]);
    expect(readPart.disks(params, nothing, false, busy)).toEqual([
      {
        disk: { device: 'vda' },
        io: off,
        size: { capacity: 1_048_576n, allocation: 0n, physical: 4096n },
      },
    ]);
  });

  it('of a hung guest are all busy', () => {
    const params = new Map<string, TypedValue>([
      ['block.count', 2],
      ['block.0.name', 'vda'],
      ['block.1.name', 'hdc'],
    ]);
    const domain = description("<disk><target dev='vda'/></disk><disk><target dev='hdc'/></disk>");
    const disks = readPart.disks(params, domain, true, busy);
    expect(disks).toEqual(domain.disks.map((disk) => ({ disk, io: busy, size: busy })));
    expect(readPart.disks(new Map(), domain, true, busy)).toBe(busy);
  });

  it('of a guest that is shut off have sizes, except for an empty drive', () => {
    const params = new Map<string, TypedValue>([
      ['block.count', 2],
      ['block.0.name', 'vda'],
      ...sizes(0),
      ['block.1.name', 'hdc'],
    ]);
    expect(readPart.disks(params, nothing, false, busy)).toMatchObject([
      { io: off, size: { capacity: 4096n } },
      { io: off, size: { missing: 'unsupported' } },
    ]);
  });
});

describe('vnics', () => {
  it('are found by name, whatever their order and gaps', () => {
    const domain = description(`
      <interface type='user'><mac address='fa:16:3e:00:00:01'/></interface>
      <interface type='hostdev'><source><address domain='0x0000' bus='0x07' slot='0x10' function='0x6'/></source></interface>
      <interface type='bridge'><target dev='tap1'/></interface>
      <interface type='bridge'><target dev='gone'/></interface>
      <interface type='bridge'><target dev='tap0'/></interface>`);
    const figures = (index: number, value: bigint): [string, TypedValue][] =>
      ['rx.bytes', 'rx.pkts', 'tx.bytes', 'tx.pkts'].map((name) => [`net.${index}.${name}`, value]);
    const params = new Map<string, TypedValue>([
      ['net.count', 3],
      ['net.2.name', 'tap0'],
      ...figures(2, beyond),
      ['net.3.name', 'gone'],
      ['net.6.name', 'tap1'],
      ...figures(6, 7n),
    ]);
    const [user, hostdev, tap1, gone, tap0] = domain.vnics;
    expect(readPart.vnics(params, domain, true, busy)).toMatchObject([
      { vnic: user, traffic: notCounted },
      { vnic: hostdev, traffic: passedThrough },
      { vnic: tap1, traffic: { rxBytes: 7n, rxErrors: undefined, txDrops: undefined } },
      { vnic: gone, traffic: notCounted },
      { vnic: tap0, traffic: { rxBytes: beyond, txPackets: beyond } },
    ]);
    expect(readPart.vnics(params, domain, false, busy)).toBe(off);
  });
});
