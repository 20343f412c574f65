import { isMissing } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type {
  CpuReading,
  DiskIo,
  DiskReading,
  DiskSize,
  InstancePart,
  InstanceParts,
  VcpuReading,
  VnicReading,
  VnicTraffic,
} from '@nephoscope/core/instance';
import { isLibvirtError } from '@nephoscope/libvirt';
import type { DomainInfo, DomainStatsRecord, StatsGroup, TypedParams, TypedValue } from '@nephoscope/libvirt';

import type { ImageInfo } from './image-info.js';
import { plainVnic } from './domain-xml.js';
import type { DescribedDisk } from './disk-xml.js';
import type { DomainDescription } from './domain-xml.js';
import { guestMemory } from './guest-memory.js';
import { notCounted, notReported, off, passedThrough } from './missing.js';

/** libvirt's statistics groups for each part; groups of unused parts are not requested. */
export const groupsOf: Readonly<Record<InstancePart, readonly StatsGroup[]>> = {
  cpu: ['cpuTotal', 'vcpu'],
  memory: ['balloon', 'perf'],
  disks: ['block'],
  vnics: ['interface'],
};

/** Groups that QEMU's driver answers without the domain's process, so without waiting for a job in it. */
export const hostGroups: ReadonlySet<StatsGroup> = new Set(['state', 'cpuTotal', 'interface']);

type Reader<P extends InstancePart> = (
  params: TypedParams,
  description: DomainDescription,
  running: boolean,
  unanswered: Missing,
  images?: ReadonlyMap<string, ImageInfo>,
) => InstanceParts[P] | Missing;

/**
 * Reads one part out of a domain's record of `virConnectGetAllDomainStats`.
 *
 * CPU and network figures come from the host's kernel, memory and disks from the hypervisor's process.
 *
 * @param unanswered the reason for figures that were not requested from a running domain's process, or not answered by
 * it
 * @param images the separately requested facts of each image in {@link disksToAsk}
 */
export const readPart: { readonly [P in InstancePart]: Reader<P> } = {
  cpu(params, description, running, unanswered) {
    if (!running) return off;
    const timeNs = unsigned(params, 'cpu.time');
    const count = integer(params, 'vcpu.current') ?? description.vcpus;
    if (timeNs === undefined || count === undefined) return notReported;
    return { count, timeNs, vcpus: vcpusOf(params, unanswered) } satisfies CpuReading;
  },
  memory(params, _description, running, unanswered) {
    if (!running) return off;
    // For a busy domain the daemon has only the balloon's size.
    if (!params.has('balloon.rss')) return unanswered;
    return guestMemory(
      {
        available: unsigned(params, 'balloon.available'),
        free: unsigned(params, 'balloon.usable') ?? unsigned(params, 'balloon.unused'),
        maximum: unsigned(params, 'balloon.maximum'),
        swapIn: unsigned(params, 'balloon.swap_in'),
        swapOut: unsigned(params, 'balloon.swap_out'),
      },
      {
        residentKib: unsigned(params, 'balloon.rss'),
        bandwidthTotal: unsigned(params, 'perf.mbmt'),
        bandwidthLocal: unsigned(params, 'perf.mbml'),
      },
    );
  },
  disks(params, description, running, unanswered, images) {
    const count = integer(params, 'block.count');
    if (count === undefined && !running)
      return description.disks.map((disk): DiskReading => ({ disk, io: off, size: unanswered }));
    if (count === undefined) return unanswered;
    const indexes = numbered(params, count, (index) => blockKeys(index).name);
    // One request covers all disks: if it was answered for one, a disk without figures has none.
    const answered = !running || indexes.some((index) => params.has(blockKeys(index).readBytes));
    return indexes.map((index): DiskReading => {
      const keys = blockKeys(index);
      const device = String(params.get(keys.name));
      const described = description.disks.find((disk) => disk.device === device);
      return {
        disk: described === undefined ? { device } : asRead(described, topImage(params, keys)),
        io: running ? (diskIo(params, keys) ?? (answered ? notReported : unanswered)) : off,
        size:
          diskSize(params, keys, running ? described : 'off', images?.get(device)) ??
          (answered ? noSize : unanswered),
      };
    });
  },
  vnics(params, description, running) {
    if (!running) return off;
    const count = integer(params, 'net.count') ?? 0;
    const nameOf = (index: number): string => netKeys(index).name;
    const indexes = new Map(numbered(params, count, nameOf).map((index) => [params.get(nameOf(index)), index]));
    return vnicsOf(description, indexes.keys()).map((vnic): VnicReading => {
      const index = indexes.get(vnic.name);
      const traffic = index === undefined ? undefined : vnicTraffic(params, netKeys(index));
      return { vnic, traffic: traffic ?? (vnic.passedThrough ? passedThrough : notCounted) };
    });
  },
};

/** The index of the image on top of each disk's chain, by the disk's name. */
export function topImages(params: TypedParams): ReadonlyMap<string, string> {
  const indexes = numbered(params, integer(params, 'block.count') ?? 0, (index) => blockKeys(index).name);
  return new Map(
    indexes.flatMap((index): [string, string][] => {
      const keys = blockKeys(index);
      const image = topImage(params, keys);
      return image === undefined ? [] : [[String(params.get(keys.name)), image]];
    }),
  );
}

/** Part of the same answer as the figures. 0 means an image without an index. */
function topImage(params: TypedParams, keys: ReturnType<typeof blockKeys>): string | undefined {
  const index = params.get(keys.backingIndex);
  return index === undefined || Number(index) === 0 ? undefined : String(index);
}

/**
 * The disk whose figures were read, with another image on top than the description has: the description is older or
 * newer, and the marks in it may be those of another plugging.
 */
function asRead(disk: DescribedDisk, image: string | undefined): DescribedDisk {
  if (image === undefined || disk.plugging === undefined || disk.plugging.includes(image)) return disk;
  return { ...disk, plugging: undefined };
}

/** Whether a running domain's process was queried for these parts. */
export function processAnswered(params: TypedParams, parts: ReadonlySet<InstancePart>): boolean {
  if (parts.has('memory')) return params.has('balloon.rss');
  if (!parts.has('disks')) return true;
  const indexes = numbered(params, integer(params, 'block.count') ?? 0, (index) => blockKeys(index).name);
  return indexes.length === 0 || indexes.some((index) => params.has(blockKeys(index).readBytes));
}

/** A domain's record as far as `virDomainGetInfo` has it, for drivers without the bulk call. */
export function infoParams({ state, cpuTimeNs, vcpus }: DomainInfo): TypedParams {
  return new Map<string, TypedValue>([
    ['state.state', state],
    ['cpu.time', cpuTimeNs],
    ['vcpu.current', vcpus],
  ]);
}

/** Whether libvirt is older than 4.5, which has no NOWAIT. */
export function refusesNowait(error: unknown): boolean {
  return isLibvirtError(error) && /unsupported flags/.test(error.message);
}

/** Whether the record has the figures of a driver that reports everything in bulk. */
export function hasBulkFigures(params: TypedParams, part: InstancePart): boolean {
  return params.has(marks[part]);
}

const marks: Readonly<Record<InstancePart, string>> = {
  cpu: 'cpu.time',
  memory: 'balloon.rss',
  disks: 'block.count',
  vnics: 'net.count',
};

/** The described devices; if the description may be outdated, those with figures. */
function vnicsOf({ vnics, outdated }: DomainDescription, names: Iterable<TypedValue | undefined>) {
  if (outdated === undefined) return vnics;
  const others = [...names].filter((name) => typeof name === 'string');
  return [...vnics, ...others.filter((name) => !vnics.some((vnic) => vnic.name === name)).map(plainVnic)];
}

const noSize: Missing = {
  missing: 'unsupported',
  detail: 'the hypervisor reports no size, as for an empty drive',
};

/**
 * `vcpu.N.delay` and `vcpu.N.wait` are two accounts of the same thing, from /proc/PID/schedstat and from
 * /proc/PID/sched; the second is 0 unless the kernel keeps detailed statistics. The first counts where
 * there is one, never the sum.
 */
function vcpusOf(params: TypedParams, unanswered: Missing): readonly VcpuReading[] | Missing {
  const maximum = integer(params, 'vcpu.maximum');
  if (maximum === undefined) return unanswered;
  const vcpus: VcpuReading[] = [];
  // Removed vCPUs leave holes in the numbering.
  for (let number = 0; number < maximum; number++) {
    const { state, time, delay, wait } = vcpuKeys(number);
    if (![state, time, delay, wait].some((key) => params.has(key))) continue;
    vcpus.push({
      number,
      timeNs: unsigned(params, time),
      waitNs: unsigned(params, delay) ?? unsigned(params, wait),
    });
  }
  return vcpus.length === 0 ? unanswered : vcpus;
}

function diskIo(params: TypedParams, keys: ReturnType<typeof blockKeys>): DiskIo | undefined {
  const readBytes = unsigned(params, keys.readBytes);
  const readRequests = unsigned(params, keys.readRequests);
  const writeBytes = unsigned(params, keys.writeBytes);
  const writeRequests = unsigned(params, keys.writeRequests);
  if (
    readBytes === undefined ||
    readRequests === undefined ||
    writeBytes === undefined ||
    writeRequests === undefined
  ) {
    return undefined;
  }
  return {
    readBytes,
    readRequests,
    writeBytes,
    writeRequests,
    readTimeNs: unsigned(params, keys.readTime),
    writeTimeNs: unsigned(params, keys.writeTime),
  };
}

export interface DiskToAsk {
  readonly device: string;
  /** All that the answer depends on: while it stays the same, so does the answer. */
  readonly state: string;
}

/**
 * Disks of a domain that runs whose sizes the bulk call does not hold, and `virDomainGetBlockInfo` does: the length of
 * an image file that is not raw, and whether all or nothing of a raw one is occupied. A file cannot have become longer
 * without more of it being written or occupied.
 */
export function disksToAsk(
  { domain, params }: DomainStatsRecord,
  { disks }: DomainDescription,
): readonly DiskToAsk[] {
  if (domain.id < 0) return [];
  const indexes = numbered(params, integer(params, 'block.count') ?? 0, (index) => blockKeys(index).name);
  return indexes.flatMap((index): DiskToAsk[] => {
    const keys = blockKeys(index);
    const device = String(params.get(keys.name));
    const disk = disks.find((described) => described.device === device);
    const [capacity, allocation, physical] = [keys.capacity, keys.allocation, keys.physical].map((key) =>
      params.get(key),
    );
    if (disk?.storage !== 'file' || disk.format === undefined || capacity === undefined) return [];
    if (disk.format === 'raw' && !mayBeEmpty(capacity, allocation, physical)) return [];
    const image = params.get(keys.backingIndex);
    return [{ device, state: [domain.id, image, capacity, allocation, physical, disk.image].join(' ') }];
  });
}

/** Whether a raw image looks fully occupied because nothing of it is: libvirt then reports its length. */
function mayBeEmpty(capacity: TypedValue, allocation: TypedValue | undefined, physical: TypedValue | undefined) {
  return physical === capacity && (allocation ?? 0n) === 0n;
}

/**
 * For a domain that is off, libvirt examines the image itself. For a running one it reports, in bulk, how far the
 * image was written as `allocation`, and as `physical` the space occupied according to QEMU, or the length if that is
 * nothing. A block device is occupied completely. For an image elsewhere the occupied size is unknown.
 */
function diskSize(
  params: TypedParams,
  keys: ReturnType<typeof blockKeys>,
  disk: DescribedDisk | 'off' | undefined,
  image: ImageInfo | undefined,
): DiskSize | undefined {
  const capacity = unsigned(params, keys.capacity);
  const allocation = unsigned(params, keys.allocation);
  const physical = unsigned(params, keys.physical);
  if (capacity === undefined && allocation === undefined && physical === undefined) return undefined;
  // Zeros are omitted.
  if (disk === 'off') return { capacity, allocation: allocation ?? (physical && 0n), physical };
  if (disk?.storage === 'block') return { capacity, allocation: physical, physical };
  const file = disk?.storage === 'file';
  if (disk?.format === 'raw' && (file || disk.storage === 'network'))
    return {
      capacity,
      allocation: file ? rawAllocation(capacity, allocation, physical, image) : undefined,
      physical: capacity,
    };
  if (!file) return { capacity, allocation: undefined, physical: undefined };
  return {
    capacity,
    allocation: physical,
    physical: image === undefined || isMissing(image) ? image : image.physical,
  };
}

function rawAllocation(
  capacity: bigint | undefined,
  allocation: bigint | undefined,
  physical: bigint | undefined,
  image: ImageInfo | undefined,
): DiskSize['allocation'] {
  if (capacity === undefined || !mayBeEmpty(capacity, allocation, physical)) return physical;
  if (image === undefined || isMissing(image)) return image;
  // It may have been written to since.
  return image.physical === capacity ? image.allocation && capacity : image.physical;
}

function vnicTraffic(params: TypedParams, keys: ReturnType<typeof netKeys>): VnicTraffic | undefined {
  const rxBytes = unsigned(params, keys.rxBytes);
  const rxPackets = unsigned(params, keys.rxPackets);
  const txBytes = unsigned(params, keys.txBytes);
  const txPackets = unsigned(params, keys.txPackets);
  if (rxBytes === undefined || rxPackets === undefined || txBytes === undefined || txPackets === undefined)
    return undefined;
  return {
    rxBytes,
    rxPackets,
    rxErrors: unsigned(params, keys.rxErrors),
    rxDrops: unsigned(params, keys.rxDrops),
    txBytes,
    txPackets,
    txErrors: unsigned(params, keys.txErrors),
    txDrops: unsigned(params, keys.txDrops),
  };
}

/**
 * The numbers under which devices are reported. Not all below the count need to be there, nor are all that are below
 * it.
 */
function numbered(params: TypedParams, count: number, nameOf: (index: number) => string): readonly number[] {
  const indexes: number[] = [];
  const end = count + params.size;
  for (let index = 0; indexes.length < count && index < end; index++)
    if (params.has(nameOf(index))) indexes.push(index);
  return indexes;
}

function unsigned(params: TypedParams, key: string): bigint | undefined {
  const value = params.get(key);
  return typeof value === 'bigint' && value >= 0n ? value : undefined;
}

function integer(params: TypedParams, key: string): number | undefined {
  const value = params.get(key);
  return typeof value === 'number' ? value : undefined;
}

/** Parameter names of an index, cached: dozens are needed per domain and cycle. */
function memoise<Keys>(make: (index: number) => Keys): (index: number) => Keys {
  const made: Keys[] = [];
  return (index) => (made[index] ??= make(index));
}

const vcpuKeys = memoise((index) => ({
  state: `vcpu.${index}.state`,
  time: `vcpu.${index}.time`,
  delay: `vcpu.${index}.delay`,
  wait: `vcpu.${index}.wait`,
}));

const blockKeys = memoise((index) => ({
  name: `block.${index}.name`,
  readBytes: `block.${index}.rd.bytes`,
  readRequests: `block.${index}.rd.reqs`,
  readTime: `block.${index}.rd.times`,
  writeBytes: `block.${index}.wr.bytes`,
  writeRequests: `block.${index}.wr.reqs`,
  writeTime: `block.${index}.wr.times`,
  capacity: `block.${index}.capacity`,
  allocation: `block.${index}.allocation`,
  physical: `block.${index}.physical`,
  backingIndex: `block.${index}.backingIndex`,
}));

const netKeys = memoise((index) => ({
  name: `net.${index}.name`,
  rxBytes: `net.${index}.rx.bytes`,
  rxPackets: `net.${index}.rx.pkts`,
  rxErrors: `net.${index}.rx.errs`,
  rxDrops: `net.${index}.rx.drop`,
  txBytes: `net.${index}.tx.bytes`,
  txPackets: `net.${index}.tx.pkts`,
  txErrors: `net.${index}.tx.errs`,
  txDrops: `net.${index}.tx.drop`,
}));
