import type { TypedParams, TypedValue } from '@nephoscope/libvirt';

import { readPart } from '../src/bulk-stats.js';
import { continueDisk } from '../src/disk-xml.js';
import type { DescribedDisk } from '../src/disk-xml.js';
import { parseDomainXml } from '../src/domain-xml.js';
import { busy } from '../src/missing.js';

const domainOf = (disk: string) => parseDomainXml(`<domain><devices>${disk}</devices></domain>`);
const diskOf = (inner: string, attributes = "type='file' device='disk'") =>
  domainOf(`<disk ${attributes}>${inner}<target dev='sda'/><alias name='scsi0-0-0-0'/></disk>`)
    .disks[0] as DescribedDisk;

// One disk as libvirt 9.0 describes it: at first, after a snapshot, after its commit, copied, and after the pivot.
const start = diskOf("<source file='/root.raw' index='5'/><backingStore/>");
const snapshot = diskOf(
  "<source file='/s1' index='6'/><backingStore type='file' index='5'><source file='/root.raw'/><backingStore/></backingStore>",
);
const copying = diskOf(
  "<source file='/root.raw' index='5'/><mirror file='/copy'><source file='/copy' index='7'/></mirror>",
);
const pivoted = diskOf("<source file='/copy' index='7'/><backingStore/>");

it('identifies a disk by the images of its chain, and of its copy', () => {
  expect([start, snapshot, copying, pivoted].map(({ plugging }) => plugging)).toEqual([
    ['5'],
    ['6', '5'],
    ['5', '7'],
    ['7'],
  ]);
  expect(diskOf("<source file='/root.raw'/>").plugging).toBeUndefined();
});

it('identifies a drive as such, whatever medium is in it', () => {
  const drive = "type='file' device='cdrom'";
  expect(diskOf('', drive).plugging).toEqual(['drive']);
  expect(diskOf("<source file='/cd' index='10'/>", drive).plugging).toEqual(['10', 'drive']);
});

it('continues with the copy of a disk, but not with a new device or one with the same image', () => {
  const none = new Set<string>();
  expect(continueDisk(start, pivoted, none).plugging).toEqual(['7', '5']);
  expect(continueDisk(start, pivoted, new Set(['scsi0-0-0-0'])).plugging).toEqual(['7']);
  expect(continueDisk(start, diskOf("<source file='/root.raw' index='8'/>"), none).plugging).toEqual(['8']);
  expect(continueDisk(undefined, pivoted, none)).toBe(pivoted);
  expect(continueDisk(start, snapshot, none)).toBe(snapshot);
});

describe('a reading', () => {
  const read = (attributes: string, inner: string, figures: Record<string, TypedValue>, running = true) => {
    const domain = domainOf(`<disk ${attributes} device='disk'>${inner}<target dev='sda'/></disk>`);
    const params: TypedParams = new Map<string, TypedValue>([
      ['block.count', 1],
      ['block.0.name', 'sda'],
      ...Object.entries(figures).map(([key, value]): [string, TypedValue] => [`block.0.${key}`, value]),
    ]);
    const disks = readPart.disks(params, domain, running, busy);
    if ('missing' in disks) throw new Error('missing');
    return { disk: disks[0]!.disk, size: disks[0]!.size, described: domain.disks[0]! };
  };
  const source = "<source file='/root.raw' index='5'/>";

  it('has the marks of the description only if both name the same image', () => {
    const same = read("type='file'", source, { backingIndex: 5 });
    expect(same.disk).toBe(same.described);
    expect(read("type='file'", source, { backingIndex: 6 }).disk.plugging).toBeUndefined();
    expect(read("type='file'", source, {}).disk.plugging).toEqual(['5']);
  });

  // The figures are those of libvirt 9.0; the expected ones are those that agree with `domblkinfo` for the same disks.
  it.each([
    ['a qcow2 file', "type='file'", 'qcow2', [67_108_864n, 0n, 200_704n], [200_704n, undefined]],
    ['a raw file with holes', "type='file'", 'raw', [16_777_216n, 0n, 8_192n], [8_192n, 16_777_216n]],
    ['a raw file, full or empty', "type='file'", 'raw', [1_048_576n, 0n, 1_048_576n], [undefined, 1_048_576n]],
    [
      'a raw file, full and written to',
      "type='file'",
      'raw',
      [1_048_576n, 512n, 1_048_576n],
      [1_048_576n, 1_048_576n],
    ],
    ['a device of the host', "type='block'", 'raw', [1_048_576n, 512n, 1_048_576n], [1_048_576n, 1_048_576n]],
    ['a qcow2 device', "type='block'", 'qcow2', [4_194_304n, 512n, 1_048_576n], [1_048_576n, 1_048_576n]],
    ['a disk on the network', "type='network'", 'raw', [1_048_576n, 0n, 1_048_576n], [undefined, 1_048_576n]],
    [
      'a qcow2 disk on the network',
      "type='network'",
      'qcow2',
      [1_048_576n, 0n, 1_048_576n],
      [undefined, undefined],
    ],
  ] as const)(
    'has those sizes of %s that are reliable',
    (_, type, format, [capacity, allocation, physical], expected) => {
      const { size } = read(type, `<driver name='qemu' type='${format}'/>${source}`, {
        capacity,
        allocation,
        physical,
      });
      expect(size).toEqual({ capacity, allocation: expected[0], physical: expected[1] });
    },
  );

  it('of a guest that is shut off has the sizes that libvirt found in the image itself', () => {
    const { size } = read("type='file'", source, { capacity: 3n, allocation: 1n, physical: 2n }, false);
    expect(size).toEqual({ capacity: 3n, allocation: 1n, physical: 2n });
  });
});
