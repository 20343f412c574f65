import { isMissing } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type {
  DiskIo,
  DiskReading,
  InstancePart,
  InstanceParts,
  InstanceReading,
  MemoryReading,
  VcpuReading,
  VnicReading,
  VnicTraffic,
} from '@nephoscope/core/instance';

/** The reading `seconds` later, with each count changed; its disks, cards and metadata are the same objects. */
export function readingAfter(
  reading: InstanceReading,
  seconds: number,
  change: (count: bigint) => bigint,
): InstanceReading {
  const { cpu, memory, disks, vnics } = reading.parts;
  const later = BigInt(seconds) * 1_000_000_000n;
  return {
    ...reading,
    readAt: reading.readAt + later,
    readAtMonotonic: reading.readAtMonotonic + later,
    parts: {
      ...(cpu && {
        cpu: isMissing(cpu)
          ? cpu
          : {
              ...changed(cpu, change),
              vcpus: isMissing(cpu.vcpus) ? cpu.vcpus : cpu.vcpus.map((vcpu) => changed(vcpu, change)),
            },
      }),
      ...(memory && { memory: changed(memory, change) }),
      ...(disks && {
        disks: isMissing(disks)
          ? disks
          : disks.map(({ disk, io, size }) => ({ disk, io: changed(io, change), size })),
      }),
      ...(vnics && {
        vnics: isMissing(vnics)
          ? vnics
          : vnics.map(({ vnic, traffic }) => ({ vnic, traffic: changed(traffic, change) })),
      }),
    },
  };
}

function changed<Part extends object>(part: Part, change: (count: bigint) => bigint): Part {
  if (isMissing(part)) return part;
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) => [key, typeof value === 'bigint' ? change(value) : value]),
  ) as Part;
}

/** Ways in which a device disappears. The counts of the others stay. */
export const departures: typeof gapVariants = [
  variant('cpu', 'a virtual CPU', (cpu) => ({
    ...cpu,
    count: cpu.count - 1,
    vcpus: isMissing(cpu.vcpus) ? cpu.vcpus : cpu.vcpus.slice(1),
  })),
  variant('disks', 'a disk', (disks) => disks.slice(1)),
  variant('vnics', 'a card', (vnics) => vnics.slice(1)),
];

const reason: Missing = { missing: 'busy', detail: 'the contract tests took it away' };

/** Ways in which figures are missing in a part that was read. */
export const gapVariants: readonly {
  readonly what: string;
  readonly of: InstancePart;
  take(parts: InstanceReading['parts']): InstanceReading['parts'];
}[] = [
  variant('cpu', 'its virtual CPUs', (cpu) => ({ ...cpu, vcpus: reason })),
  variant('cpu', 'the figures of one virtual CPU', (cpu) => ({
    ...cpu,
    vcpus: isMissing(cpu.vcpus) ? cpu.vcpus : first(cpu.vcpus, withoutFigures),
  })),
  variant('memory', 'all figures', (memory) => without(memory, Object.keys(memory) as (keyof MemoryReading)[])),
  variant('disks', "all disks' traffic", (disks) => disks.map((disk) => ({ ...disk, io: reason }))),
  variant('disks', "one disk's traffic", (disks) => first(disks, (disk) => ({ ...disk, io: reason }))),
  variant('disks', "all disks' sizes", (disks) => disks.map((disk) => ({ ...disk, size: reason }))),
  variant('disks', "one disk's size", (disks) => first(disks, (disk) => ({ ...disk, size: reason }))),
  variant('disks', "one disk's size allocated", (disks) => first(disks, withoutAllocation)),
  variant('memory', 'what the guest says', (memory) => ({ ...memory, usedKib: reason, swapInKib: reason })),
  variant('disks', "all disks' times", (disks) => disks.map(withoutTimes)),
  variant('disks', "one disk's times", (disks) => first(disks, withoutTimes)),
  variant('vnics', "all cards' traffic", (vnics) => vnics.map((vnic) => ({ ...vnic, traffic: reason }))),
  variant('vnics', "one card's traffic", (vnics) => first(vnics, (vnic) => ({ ...vnic, traffic: reason }))),
  variant('vnics', "all cards' errors and drops", (vnics) => vnics.map(withoutErrors)),
  variant('vnics', "one card's errors and drops", (vnics) => first(vnics, withoutErrors)),
];

function variant<P extends InstancePart>(
  part: P,
  what: string,
  take: (whole: InstanceParts[P]) => InstanceParts[P],
) {
  return {
    what,
    of: part,
    take: (parts: InstanceReading['parts']): InstanceReading['parts'] => {
      const whole = parts[part] as InstanceParts[P] | Missing | undefined;
      return whole === undefined || isMissing(whole) ? parts : { ...parts, [part]: take(whole) };
    },
  };
}

function first<Item>(items: readonly Item[], change: (item: Item) => Item): readonly Item[] {
  return items.map((item, index) => (index === 0 ? change(item) : item));
}

function withoutFigures({ number }: VcpuReading): VcpuReading {
  return { number, timeNs: undefined, waitNs: undefined };
}

function without<Part extends object>(part: Part, keys: readonly (keyof Part)[]): Part {
  return { ...part, ...Object.fromEntries(keys.map((key) => [key, undefined])) };
}

const times: readonly (keyof DiskIo)[] = ['readTimeNs', 'writeTimeNs'];
const errors: readonly (keyof VnicTraffic)[] = ['rxErrors', 'rxDrops', 'txErrors', 'txDrops'];

function withoutTimes(disk: DiskReading): DiskReading {
  return isMissing(disk.io) ? disk : { ...disk, io: without(disk.io, times) };
}

function withoutAllocation(disk: DiskReading): DiskReading {
  return isMissing(disk.size) ? disk : { ...disk, size: { ...disk.size, allocation: undefined } };
}

function withoutErrors(vnic: VnicReading): VnicReading {
  return isMissing(vnic.traffic) ? vnic : { ...vnic, traffic: without(vnic.traffic, errors) };
}
