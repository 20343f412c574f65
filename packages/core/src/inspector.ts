import type { Plugging } from './counter.js';
import type { Instance } from './instance.js';
import type { Missing } from './missing.js';

/** In the readings below, a field that is undefined was not reported by the hypervisor. */
export interface CpuReading {
  /** Virtual CPUs in use. */
  readonly count: number;
  /** CPU time that the instance used since it started, its virtual CPUs and the hypervisor's own threads, ns. */
  readonly timeNs: bigint;
  /** Each virtual CPU in use by itself: one that is taken out takes its counts with it. */
  readonly vcpus: readonly VcpuReading[] | Missing;
}

export interface VcpuReading {
  /** Its number in the instance. */
  readonly number: number;
  /** CPU time that its thread used, ns. */
  readonly timeNs: bigint | undefined;
  /** Time it was ready to run but waited for the host, ns. */
  readonly waitNs: bigint | undefined;
}

export interface MemoryReading {
  /** What the guest uses by its own account (balloon driver), KiB. A guest can say anything: what cannot be is missing. */
  readonly usedKib: bigint | Missing | undefined;
  /** What the guest occupies on the host, KiB. */
  readonly residentKib: bigint | undefined;
  /** By the guest's own account too. */
  readonly swapInKib: bigint | Missing | undefined;
  readonly swapOutKib: bigint | Missing | undefined;
  /** Bytes per second between L3 cache and memory, in all and to the CPU's own node. */
  readonly bandwidthTotal: bigint | undefined;
  readonly bandwidthLocal: bigint | undefined;
}

export interface DiskIo {
  readonly readBytes: bigint;
  readonly readRequests: bigint;
  readonly writeBytes: bigint;
  readonly writeRequests: bigint;
  /** Time spent in reads and writes, ns. */
  readonly readTimeNs: bigint | undefined;
  readonly writeTimeNs: bigint | undefined;
}

/**
 * Bytes: what the guest sees; what the disk occupies on the host, without holes; how large the file or device that
 * contains it is on the host. Each known or not by itself: the last two may be missing for a reason of their own.
 */
export interface DiskSize {
  readonly capacity: bigint | undefined;
  readonly allocation: bigint | Missing | undefined;
  readonly physical: bigint | Missing | undefined;
}

/** A disk as it is attached. */
export interface Disk {
  /** The name in the guest, such as `vda`. */
  readonly device: string;
  /** What tells this plugging of the disk from others under its name. */
  readonly plugging?: Plugging | undefined;
}

export interface DiskReading {
  readonly disk: Disk;
  readonly io: DiskIo | Missing;
  readonly size: DiskSize | Missing;
}

/** What one virtual network card carried, seen from the guest: `rx` came in. */
export interface VnicTraffic {
  readonly rxBytes: bigint;
  readonly rxPackets: bigint;
  readonly rxErrors: bigint | undefined;
  readonly rxDrops: bigint | undefined;
  readonly txBytes: bigint;
  readonly txPackets: bigint;
  readonly txErrors: bigint | undefined;
  readonly txDrops: bigint | undefined;
}

/** A virtual network card as it is attached. */
export interface Vnic {
  /** The host's device, such as `tap1d2c3b4a-5e`; where there is none, the address of the passed-through device. */
  readonly name: string;
  readonly mac: string | null;
  /** The nwfilter in front of it, and that filter's parameters with their names in lower case. */
  readonly fref: string | null;
  readonly parameters: Readonly<Record<string, string>>;
  /** The port's id in the network service, where the hypervisor was told. */
  readonly interfaceId: string | null;
  readonly bridge: string | null;
  /** What tells this plugging of the card from others under its name. */
  readonly plugging?: Plugging | undefined;
}

export interface VnicReading {
  readonly vnic: Vnic;
  readonly traffic: VnicTraffic | Missing;
}

/** The parts of an instance that can be read. A pollster names those it uses; no others are asked of the hypervisor. */
export interface InstanceParts {
  readonly cpu: CpuReading;
  readonly memory: MemoryReading;
  readonly disks: readonly DiskReading[];
  readonly vnics: readonly VnicReading[];
}

export type InstancePart = keyof InstanceParts;

const parts: Readonly<Record<InstancePart, true>> = { cpu: true, memory: true, disks: true, vnics: true };

/** Their names. */
export const instanceParts = Object.keys(parts) as readonly InstancePart[];

/** All that was read of one instance, at one moment. */
export interface InstanceReading {
  readonly instance: Instance;
  /** The moment the hypervisor answered: ns since 1970 UTC, and on the monotonic clock. */
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
  readonly parts: { readonly [P in InstancePart]?: InstanceParts[P] | Missing };
}

/** `stopping` where the hypervisor tells of an end before it comes, or halts an instance, which may be before its end. */
export interface LifecycleEvent {
  readonly instanceId: string;
  readonly kind: 'started' | 'stopping' | 'stopped';
}

/**
 * Read-only access to a hypervisor.
 *
 * Lifecycle: `start` connects, and undoes what it opened when it fails; `stop` is safe before `start`,
 * twice and at the same time, and leaves no handle open. After `start` the inspector reconnects by itself.
 */
export interface Inspector {
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Reads every instance of the host in a constant number of round trips where the hypervisor can do so.
   * One sick instance costs only its own parts. An instance that vanishes meanwhile is left out.
   *
   * @param parts what to read; the state is always read
   * @param within ms that the caller has: what was read by then is the reading, and the rest is missing
   * @throws INSPECTOR_UNAVAILABLE when the hypervisor as a whole cannot be read within the deadline
   */
  inspect(
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
    within?: number,
  ): Promise<readonly InstanceReading[]>;
  /**
   * Reads one instance at once, apart from any reading of the host that is under way; undefined when it is not here.
   *
   * @throws INSPECTOR_UNAVAILABLE when it did not answer before `signal` was aborted
   */
  inspectInstance?(
    id: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<InstanceReading | undefined>;
  /** Tells `listener` of what happens to instances from now on, until the function that it returns is called. */
  watch?(listener: (event: LifecycleEvent) => void): () => void;
  /** Whether the hypervisor answers now; the text is for people. */
  health(): Health;
}

/** Whether something works now, and the reason for people when it does not. */
export type Health =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      /** Since when, ISO 8601 UTC, where that is known. */
      readonly since?: string | undefined;
      /** Nothing that is away explains it: the program itself has not got on for longer than it may. */
      readonly isStuck?: boolean | undefined;
    };
