/** A domain as libvirt names it on the wire. Any object of this shape can be handed back to a call. */
export interface Domain {
  readonly name: string;
  /** Lower-case hexadecimal with dashes. */
  readonly uuid: string;
  /** The id of the run, -1 while the domain is shut off. */
  readonly id: number;
}

/** Timeout of one call, and the signal that aborts it. */
export interface CallOptions {
  /** Milliseconds until the call is rejected with a `TimeoutError`; `Infinity` for none. */
  readonly timeout?: number;
  /** Rejects the call with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/** `virDomainState`: the values of `DomainInfo.state` and of the figure `state.state`. */
export const DomainState = {
  nostate: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmsuspended: 7,
} as const;

/** `virDomainInfo`. */
export interface DomainInfo {
  /** One of `DomainState`. */
  readonly state: number;
  readonly maxMemoryKib: bigint;
  readonly memoryKib: bigint;
  readonly vcpus: number;
  readonly cpuTimeNs: bigint;
}

/** `virDomainBlockStats`; a figure that the hypervisor does not have is `undefined`. */
export interface DomainBlockStats {
  readonly readRequests: bigint | undefined;
  readonly readBytes: bigint | undefined;
  readonly writeRequests: bigint | undefined;
  readonly writeBytes: bigint | undefined;
  readonly errors: bigint | undefined;
}

/** `virDomainBlockInfo`, in bytes. */
export interface DomainBlockInfo {
  readonly capacity: bigint;
  readonly allocation: bigint;
  readonly physical: bigint;
}

/** `virDomainInterfaceStats`, counted by the host; a figure that it does not have is `undefined`. */
export interface DomainInterfaceStats {
  readonly rxBytes: bigint | undefined;
  readonly rxPackets: bigint | undefined;
  readonly rxErrors: bigint | undefined;
  readonly rxDrop: bigint | undefined;
  readonly txBytes: bigint | undefined;
  readonly txPackets: bigint | undefined;
  readonly txErrors: bigint | undefined;
  readonly txDrop: bigint | undefined;
}

/** `virDomainMemoryStats`: sizes in KiB, `lastUpdate` in seconds since 1970; only what is reported. */
export interface DomainMemoryStats {
  readonly swapIn?: bigint;
  readonly swapOut?: bigint;
  readonly majorFault?: bigint;
  readonly minorFault?: bigint;
  readonly unused?: bigint;
  readonly available?: bigint;
  readonly actualBalloon?: bigint;
  readonly rss?: bigint;
  readonly usable?: bigint;
  readonly lastUpdate?: bigint;
  readonly diskCaches?: bigint;
  readonly hugetlbPageAlloc?: bigint;
  readonly hugetlbPageFail?: bigint;
}

/**
 * A typed parameter's value: `int`, `uint` and `double` as number, `llong` and `ullong` as bigint,
 * whatever their size, so that the type of a figure never depends on its value.
 */
export type TypedValue = number | bigint | boolean | string;

/** Typed parameters by libvirt's own names, e.g. `vcpu.0.time`, in the order of the reply. */
export type TypedParams = ReadonlyMap<string, TypedValue>;

/** The figures of one domain in a bulk reply. */
export interface DomainStatsRecord {
  readonly domain: Domain;
  readonly params: TypedParams;
}

/** `virDomainStatsTypes`. */
export type StatsGroup =
  | 'state'
  | 'cpuTotal'
  | 'balloon'
  | 'vcpu'
  | 'interface'
  | 'block'
  | 'perf'
  | 'iothread'
  | 'memory'
  | 'dirtyrate'
  | 'vm';

/** Which domains to list: both `true`, or none given, means all of them. */
export interface ListDomainsFilter {
  readonly active?: boolean;
  readonly inactive?: boolean;
}

/** `virConnectGetAllDomainStatsFlags`. */
export interface AllDomainStatsFlags {
  readonly active?: boolean;
  readonly inactive?: boolean;
  readonly persistent?: boolean;
  readonly transient?: boolean;
  readonly running?: boolean;
  readonly paused?: boolean;
  readonly shutoff?: boolean;
  readonly other?: boolean;
  /** Leave out, instead of waiting for, figures of a domain whose monitor another job holds. */
  readonly nowait?: boolean;
  /** Report the backing chain of each disk too. */
  readonly backing?: boolean;
  /** Fail when a group is unknown to the daemon or the hypervisor, instead of leaving it out. */
  readonly enforce?: boolean;
}

/** Which statistics of which domains. */
export interface AllDomainStatsQuery {
  /** The requested groups; by default all that the daemon has. */
  readonly groups?: readonly StatsGroup[];
  readonly flags?: AllDomainStatsFlags;
  /** Only these, at least one and at most 16,384; without it every domain that the flags allow. */
  readonly domains?: readonly Domain[];
}

/** `virNodeInfo`. */
export interface NodeInfo {
  readonly model: string;
  readonly memoryKib: bigint;
  readonly cpus: number;
  readonly mhz: number;
  readonly nodes: number;
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

/** `virDomainEventType`. */
export const LifecycleEventType = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmsuspended: 7,
  crashed: 8,
} as const;

/** A domain changed its state. */
export interface LifecycleEvent {
  readonly domain: Domain;
  /** One of `LifecycleEventType`. */
  readonly event: number;
  /** Why, in the numbers of libvirt's enumeration for that event (e.g. `virDomainEventStoppedDetailType`). */
  readonly detail: number;
}

/** A device was plugged into, or out of, a running domain. */
export interface DeviceEvent {
  readonly domain: Domain;
  /** The device's alias in the domain XML, e.g. `net1`. */
  readonly device: string;
}

/** Ends a subscription; resolves when the daemon is informed. Safe to call twice. */
export type Unsubscribe = (options?: CallOptions) => Promise<void>;
