import { isMissing } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type {
  CpuReading,
  Disk,
  DiskIo,
  DiskReading,
  DiskSize,
  Flavor,
  Instance,
  InstanceReading,
  MemoryReading,
  Vnic,
  VnicReading,
  VnicTraffic,
} from '@nephoscope/core/instance';

import { fakeStart, fakeStartMonotonic } from './fake-clock.js';

/** A disk of a reading; omitted fields have realistic values. */
export interface DiskFields {
  readonly disk?: Partial<Disk>;
  readonly io?: Partial<DiskIo> | Missing;
  readonly size?: Partial<DiskSize> | Missing;
}

/** A virtual network card of a reading; omitted fields have realistic values. */
export interface VnicFields {
  readonly vnic?: Partial<Vnic>;
  readonly traffic?: Partial<VnicTraffic> | Missing;
}

export interface ReadingFields {
  readonly instance?: Partial<Instance>;
  readonly cpu?: Partial<CpuReading> | Missing;
  readonly memory?: Partial<MemoryReading> | Missing;
  readonly disks?: readonly DiskFields[] | Missing;
  readonly vnics?: readonly VnicFields[] | Missing;
  /** When it was read, in seconds after {@link fakeStart}, on both clocks. */
  readonly at?: number;
}

/**
 * A reading of one instance with all parts: by default running, two CPUs, a disk `vda`, a network card. No figure is
 * 0 and no two are equal, so that a mix-up shows.
 */
export function instanceReading(fields: ReadingFields = {}): InstanceReading {
  const { disks = [{}], vnics = [{}], at = 0 } = fields;
  const after = BigInt(Math.round(at * 1_000_000_000));
  return {
    instance: exampleInstance(fields.instance),
    readAt: fakeStart + after,
    readAtMonotonic: fakeStartMonotonic + after,
    parts: {
      cpu: over(cpu, fields.cpu),
      memory: over(memory, fields.memory),
      disks: isList(disks) ? disks.map(diskReading) : disks,
      vnics: isList(vnics) ? vnics.map(vnicReading) : vnics,
    },
  };
}

/** A reading of an instance that is shut off: its disks have their sizes, and nothing else has a figure. */
export function shutOffReading(fields: Pick<ReadingFields, 'instance' | 'at'> = {}): InstanceReading {
  return instanceReading({
    ...fields,
    instance: { state: 'shutoff', run: undefined, ...fields.instance },
    cpu: off,
    memory: off,
    disks: [{ io: off }],
    vnics: off,
  });
}

/** An instance as created by nova; `fields` overrides some of it. */
export function exampleInstance(fields: Partial<Instance> = {}): Instance {
  return {
    id: 'bbf42396-86d2-4f4c-b6a1-2821813311b3',
    name: 'instance-0000000a',
    displayName: 'web-1',
    userId: 'aa8069b69e3d4c73a7a3d1a7b8ea8ac5',
    projectId: '909c4662f43441bcb7e3bece767e7d73',
    flavor,
    state: 'running',
    run: 'boot-1/1',
    ...fields,
  };
}

const flavor: Flavor = Object.freeze({
  name: 'm1.small',
  vcpus: 2,
  memoryMb: 2048,
  diskGb: 20,
  ephemeralGb: 0,
  swapMb: 0,
});

const off: Missing = { missing: 'off', detail: 'the instance does not run' };

const cpu: CpuReading = {
  count: 2,
  timeNs: 754_120_000_000n,
  vcpus: Object.freeze([
    { number: 0, timeNs: 401_230_000_000n, waitNs: 910_000_000n },
    { number: 1, timeNs: 302_110_000_000n, waitNs: 400_000_000n },
  ]),
};

const memory: MemoryReading = {
  usedKib: 524_288n,
  residentKib: 1_572_864n,
  swapInKib: 2_048n,
  swapOutKib: 3_072n,
  bandwidthTotal: 94_371_840n,
  bandwidthLocal: 83_886_080n,
};

const io: DiskIo = {
  readBytes: 10_737_418n,
  readRequests: 2_621n,
  writeBytes: 5_368_709n,
  writeRequests: 1_310n,
  readTimeNs: 910_000_000n,
  writeTimeNs: 1_450_000_000n,
};

const size: DiskSize = { capacity: 21_474_836_480n, allocation: 3_221_225_472n, physical: 3_222_274_048n };

const traffic: VnicTraffic = {
  rxBytes: 7_340_032n,
  rxPackets: 6_144n,
  rxErrors: 3n,
  rxDrops: 5n,
  txBytes: 4_194_304n,
  txPackets: 4_096n,
  txErrors: 7n,
  txDrops: 11n,
};

function diskReading(fields: DiskFields, index: number): DiskReading {
  const device = `vd${String.fromCharCode('a'.charCodeAt(0) + index)}`;
  return {
    disk: Object.freeze({ device, ...fields.disk }),
    io: over(io, fields.io),
    size: over(size, fields.size),
  };
}

function vnicReading(fields: VnicFields, index: number): VnicReading {
  const vnic: Vnic = {
    name: `tap${index}d2c3b4a-5e`,
    mac: `fa:16:3e:71:ec:${(0x6d + index).toString(16)}`,
    fref: null,
    parameters: Object.freeze({}),
    interfaceId: `0${index}d2c3b4-5e6f-4708-91a2-b3c4d5e6f708`,
    bridge: 'br-int',
  };
  return { vnic: Object.freeze({ ...vnic, ...fields.vnic }), traffic: over(traffic, fields.traffic) };
}

function over<Part extends object>(whole: Part, fields: Partial<Part> | Missing | undefined): Part | Missing {
  if (fields === undefined) return whole;
  return isMissing(fields) ? fields : { ...whole, ...fields };
}

function isList<Item>(value: readonly Item[] | Missing): value is readonly Item[] {
  return Array.isArray(value);
}
