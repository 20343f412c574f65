import type { Plugging } from './counter.js';
import type { Health } from './health.js';
import type { Instance } from './instance.js';
import type { Missing } from './missing.js';

/** In all readings, an undefined field was not reported by the hypervisor. */
export interface CpuReading {
  /** Virtual CPUs in use. */
  readonly count: number;
  /** CPU time used since the start of the instance, by its virtual CPUs and the hypervisor's own threads, ns. */
  readonly timeNs: bigint;
  /** Each virtual CPU in use. Unplugging one removes its counts. */
  readonly vcpus: readonly VcpuReading[] | Missing;
}

export interface VcpuReading {
  /** Number of the virtual CPU in the instance. */
  readonly number: number;
  /** CPU time used by its thread, ns. */
  readonly timeNs: bigint | undefined;
  /** Time that it was ready to run but waited for the host, ns. */
  readonly waitNs: bigint | undefined;
}

export interface MemoryReading {
  /**
   * Memory in use as reported by the guest (balloon driver), KiB. A guest can report anything; impossible values are
   * missing.
   */
  readonly usedKib: bigint | Missing | undefined;
  /** Memory that the guest occupies on the host, KiB. */
  readonly residentKib: bigint | undefined;
  /** Reported by the guest too. */
  readonly swapInKib: bigint | Missing | undefined;
  readonly swapOutKib: bigint | Missing | undefined;
  /** Memory bandwidth in bytes per second: in total, and local to the CPU's node. */
  readonly bandwidthTotal: bigint | undefined;
  readonly bandwidthLocal: bigint | undefined;
}

export interface DiskIo {
  readonly readBytes: bigint;
  readonly readRequests: bigint;
  readonly writeBytes: bigint;
  readonly writeRequests: bigint;
  /** Time spent on reads and writes, ns. */
  readonly readTimeNs: bigint | undefined;
  readonly writeTimeNs: bigint | undefined;
}

/**
 * In bytes: the size seen by the guest, the space occupied on the host (without holes), and the size of the
 * containing file or device on the host. The last two may each be missing for reasons of their own.
 */
export interface DiskSize {
  readonly capacity: bigint | undefined;
  readonly allocation: bigint | Missing | undefined;
  readonly physical: bigint | Missing | undefined;
}

/** An attached disk. */
export interface Disk {
  /** The name in the guest, such as `vda`. */
  readonly device: string;
  /** Distinguishes this plugging from others with the same name. */
  readonly plugging?: Plugging | undefined;
}

export interface DiskReading {
  readonly disk: Disk;
  readonly io: DiskIo | Missing;
  readonly size: DiskSize | Missing;
}

/** Traffic of one virtual network card, from the guest's point of view: `rx` is incoming. */
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

/** An attached virtual network card. */
export interface Vnic {
  /** The host's device, such as `tap1d2c3b4a-5e`; for a passed-through device its address. */
  readonly name: string;
  readonly mac: string | null;
  /** The nwfilter of the card, and its parameters with names in lower case. */
  readonly fref: string | null;
  readonly parameters: Readonly<Record<string, string>>;
  /** The port's id in the network service, if the hypervisor has it. */
  readonly interfaceId: string | null;
  readonly bridge: string | null;
  /** Distinguishes this plugging from others with the same name. */
  readonly plugging?: Plugging | undefined;
}

export interface VnicReading {
  readonly vnic: Vnic;
  readonly traffic: VnicTraffic | Missing;
}

/**
 * The parts of an instance that can be read. A pollster names those it uses; only these are requested from the
 * hypervisor.
 */
export interface InstanceParts {
  readonly cpu: CpuReading;
  readonly memory: MemoryReading;
  readonly disks: readonly DiskReading[];
  readonly vnics: readonly VnicReading[];
}

export type InstancePart = keyof InstanceParts;

const parts: Readonly<Record<InstancePart, true>> = { cpu: true, memory: true, disks: true, vnics: true };

/** The names of the parts. */
export const instanceParts = Object.keys(parts) as readonly InstancePart[];

/** All parts read of one instance, at one moment. */
export interface InstanceReading {
  readonly instance: Instance;
  /** The time of the hypervisor's reply: ns since 1970 UTC, and on the monotonic clock. */
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
  readonly parts: { readonly [P in InstancePart]?: InstanceParts[P] | Missing };
}

/** `stopping` is an end announced in advance, or a halt, which may precede the end. */
export interface LifecycleEvent {
  readonly instanceId: string;
  readonly kind: 'started' | 'stopping' | 'stopped';
}

/**
 * Read-only access to a hypervisor.
 *
 * Lifecycle: `start` connects, and closes what it opened if it fails; `stop` is safe before `start`, twice and
 * concurrently, and leaves no handle open. After `start` the inspector reconnects automatically.
 */
export interface Inspector {
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Reads every instance of the host, in a constant number of round trips if the hypervisor allows it. A failing
   * instance affects only its own parts. An instance that disappears meanwhile is left out.
   *
   * @param parts the parts to read; the state is always read
   * @param within the caller's time limit, ms: parts not read by then are missing
   * @throws INSPECTOR_UNAVAILABLE if the hypervisor as a whole cannot be read within the deadline
   */
  inspect(
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
    within?: number,
  ): Promise<readonly InstanceReading[]>;
  /**
   * Reads one instance at once, independently of a reading of the host in progress; undefined if it is not on this
   * host.
   *
   * @throws INSPECTOR_UNAVAILABLE if there was no answer before `signal` was aborted
   */
  inspectInstance?(
    id: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<InstanceReading | undefined>;
  /** Calls `listener` for each lifecycle event, until the returned function is called. */
  watch?(listener: (event: LifecycleEvent) => void): () => void;
  /** Whether the hypervisor answers now; the text is for operators. */
  health(): Health;
}
