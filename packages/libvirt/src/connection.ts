import { EventSource } from './event-source.js';
import { connectGetAllDomainStats } from './procedures/all-domain-stats.js';
import {
  domainBlockStats,
  domainBlockStatsFlags,
  domainGetBlockInfo,
  domainInterfaceStats,
  domainMemoryStats,
} from './procedures/device-stats.js';
import {
  connectListAllDomains,
  domainGetInfo,
  domainGetXmlDesc,
  domainLookupById,
  domainLookupByName,
  domainLookupByUuid,
} from './procedures/domain.js';
import { deviceAddedEvent, deviceRemovedEvent, lifecycleEvent } from './procedures/events.js';
import {
  connectGetCapabilities,
  connectGetHostname,
  connectGetLibVersion,
  connectGetUri,
  connectGetVersion,
  nodeGetInfo,
} from './procedures/host.js';
import { connectClose } from './procedures/session.js';
import type { RpcClient } from './rpc/client.js';
import type {
  AllDomainStatsQuery,
  CallOptions,
  DeviceEvent,
  Domain,
  DomainBlockInfo,
  DomainBlockStats,
  DomainInfo,
  DomainInterfaceStats,
  DomainMemoryStats,
  DomainStatsRecord,
  LifecycleEvent,
  ListDomainsFilter,
  NodeInfo,
  TypedParams,
  Unsubscribe,
} from './types.js';

/**
 * An open connection to a libvirt daemon, made by `connect`. Calls may be made at any time without waiting
 * for earlier ones; each is rejected with a `LibvirtError` (the daemon's own answer), a `TimeoutError`, an
 * `AbortError`, a `ConnectionClosedError` or an `ArgumentError`. A connection that ended stays so: connect again.
 */
export class Connection {
  readonly #rpc: RpcClient;
  readonly #lifecycle: EventSource<LifecycleEvent>;
  readonly #deviceAdded: EventSource<DeviceEvent>;
  readonly #deviceRemoved: EventSource<DeviceEvent>;

  constructor(rpc: RpcClient) {
    this.#rpc = rpc;
    this.#lifecycle = new EventSource(rpc, lifecycleEvent);
    this.#deviceAdded = new EventSource(rpc, deviceAddedEvent);
    this.#deviceRemoved = new EventSource(rpc, deviceRemovedEvent);
  }

  /** Resolves when the connection has ended: with the reason, or undefined after `close`. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.#rpc.closed;
  }

  /**
   * Calls given up (deadline, signal) that the daemon is still processing. It processes five requests of one
   * connection concurrently (`max_client_requests` in libvirtd.conf) and reads no further while all are occupied.
   */
  get abandonedCalls(): number {
    return this.#rpc.abandonedCalls;
  }

  /** All calls that the daemon has not answered, including those given up. */
  get pendingCalls(): number {
    return this.#rpc.pendingCalls;
  }

  /** Rejects pending calls and leaves no open handle. Never rejects; may be called repeatedly. */
  close(): Promise<void> {
    return this.#rpc.close(connectClose);
  }

  listAllDomains(filter: ListDomainsFilter = {}, options?: CallOptions): Promise<Domain[]> {
    return this.#rpc.call(connectListAllDomains, filter, options);
  }

  lookupDomainByName(name: string, options?: CallOptions): Promise<Domain> {
    return this.#rpc.call(domainLookupByName, name, options);
  }

  lookupDomainByUuid(uuid: string, options?: CallOptions): Promise<Domain> {
    return this.#rpc.call(domainLookupByUuid, uuid, options);
  }

  lookupDomainById(id: number, options?: CallOptions): Promise<Domain> {
    return this.#rpc.call(domainLookupById, id, options);
  }

  domainInfo(domain: Domain, options?: CallOptions): Promise<DomainInfo> {
    return this.#rpc.call(domainGetInfo, domain, options);
  }

  /**
   * The domain's XML: as it runs, or with `inactive` as it will start next. `secure` includes passwords,
   * which a read-only connection is refused.
   */
  domainXml(
    domain: Domain,
    { secure = false, inactive = false, ...options }: CallOptions & { secure?: boolean; inactive?: boolean } = {},
  ): Promise<string> {
    return this.#rpc.call(domainGetXmlDesc, { domain, secure, inactive }, options);
  }

  /**
   * @param device the target's name (`vda`) or the source's path; `''` sums up all disks if the driver supports that
   */
  domainBlockStats(domain: Domain, device: string, options?: CallOptions): Promise<DomainBlockStats> {
    return this.#rpc.call(domainBlockStats, { domain, device }, options);
  }

  /** Like `domainBlockStats`, with the times and flushes that QEMU counts too: `rd_total_times` in ns, … */
  domainBlockStatsFlags(domain: Domain, device: string, options?: CallOptions): Promise<TypedParams> {
    return this.#rpc.call(domainBlockStatsFlags, { domain, device }, options);
  }

  domainBlockInfo(domain: Domain, device: string, options?: CallOptions): Promise<DomainBlockInfo> {
    return this.#rpc.call(domainGetBlockInfo, { domain, device }, options);
  }

  /** @param device the target's name on the host (`tap1`), or its MAC address */
  domainInterfaceStats(domain: Domain, device: string, options?: CallOptions): Promise<DomainInterfaceStats> {
    return this.#rpc.call(domainInterfaceStats, { domain, device }, options);
  }

  domainMemoryStats(domain: Domain, options?: CallOptions): Promise<DomainMemoryStats> {
    return this.#rpc.call(domainMemoryStats, domain, options);
  }

  /** The figures of many domains at once, e.g. `block.0.rd.bytes`; see `virConnectGetAllDomainStats` for them. */
  allDomainStats(query: AllDomainStatsQuery = {}, options?: CallOptions): Promise<DomainStatsRecord[]> {
    return this.#rpc.call(connectGetAllDomainStats, query, options);
  }

  nodeInfo(options?: CallOptions): Promise<NodeInfo> {
    return this.#rpc.call(nodeGetInfo, undefined, options);
  }

  hostname(options?: CallOptions): Promise<string> {
    return this.#rpc.call(connectGetHostname, undefined, options);
  }

  /** The hypervisor's version, e.g. `7.2.15`. */
  version(options?: CallOptions): Promise<string> {
    return this.#rpc.call(connectGetVersion, undefined, options);
  }

  /** The daemon's version, e.g. `9.0.0`. */
  libVersion(options?: CallOptions): Promise<string> {
    return this.#rpc.call(connectGetLibVersion, undefined, options);
  }

  /** The host's capabilities as XML. */
  capabilities(options?: CallOptions): Promise<string> {
    return this.#rpc.call(connectGetCapabilities, undefined, options);
  }

  /** The hypervisor's URI as reported by the daemon, e.g. `qemu:///system`. */
  uri(options?: CallOptions): Promise<string> {
    return this.#rpc.call(connectGetUri, undefined, options);
  }

  /** Listens to domains being started, stopped, defined, …; resolves once the daemon sends such events. */
  onLifecycle(listener: (event: LifecycleEvent) => void, options?: CallOptions): Promise<Unsubscribe> {
    return this.#lifecycle.subscribe(listener, options);
  }

  onDeviceAdded(listener: (event: DeviceEvent) => void, options?: CallOptions): Promise<Unsubscribe> {
    return this.#deviceAdded.subscribe(listener, options);
  }

  onDeviceRemoved(listener: (event: DeviceEvent) => void, options?: CallOptions): Promise<Unsubscribe> {
    return this.#deviceRemoved.subscribe(listener, options);
  }
}
