import { describeError, isMissing } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type {
  CpuReading,
  DiskReading,
  InstancePart,
  InstanceParts,
  MemoryReading,
  VnicReading,
} from '@nephoscope/core/instance';
import {
  isAbandonedCall,
  isConnectionClosed,
  isNoDomain,
  isOperationInvalid,
  isUnsupported,
} from '@nephoscope/libvirt';
import type { Connection, Domain } from '@nephoscope/libvirt';

import type { DescribedVnic, DomainDescription } from './domain-xml.js';
import { guestMemory } from './guest-memory.js';
import { busy, notReported, off, passedThrough } from './missing.js';

/** Time limit of one call, ms, and the signal that aborts all. */
export interface Limits {
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/**
 * Reads domains by separate calls, for drivers that do not report everything in bulk. Calls for several domains run
 * concurrently; those for one domain run one after the other, and after one that hangs there is no other until it is
 * answered.
 */
export class DeviceStats {
  readonly #connection: Connection;
  /** UUIDs of domains in which a call hangs. */
  readonly #stuck = new Set<string>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @throws the libvirt error when the domain has disappeared, the connection is lost or the signal was aborted */
  read(
    part: InstancePart,
    domain: Domain,
    description: DomainDescription,
    limits: Limits,
  ): Promise<InstanceParts[InstancePart] | Missing> {
    const readers = {
      cpu: () => this.#cpu(domain, limits),
      memory: () => this.#memory(domain, limits),
      disks: () => this.#disks(domain, description, limits),
      vnics: () => this.#vnics(domain, description, limits),
    };
    return readers[part]();
  }

  async #cpu(domain: Domain, limits: Limits): Promise<CpuReading | Missing> {
    const info = await this.#call(domain, limits, () => this.#connection.domainInfo(domain, limits));
    return isMissing(info) ? info : { count: info.vcpus, timeNs: info.cpuTimeNs, vcpus: notReported };
  }

  async #memory(domain: Domain, limits: Limits): Promise<MemoryReading | Missing> {
    const stats = await this.#call(domain, limits, () => this.#connection.domainMemoryStats(domain, limits));
    if (isMissing(stats)) return stats;
    const { available, usable, unused, rss, swapIn, swapOut } = stats;
    return guestMemory(
      { available, free: usable ?? unused, maximum: undefined, swapIn, swapOut },
      { residentKib: rss, bandwidthTotal: undefined, bandwidthLocal: undefined },
    );
  }

  async #disks(domain: Domain, { disks }: DomainDescription, limits: Limits): Promise<readonly DiskReading[]> {
    const readings: DiskReading[] = [];
    for (const disk of disks) {
      const io = await this.#call(domain, limits, () =>
        this.#connection.domainBlockStats(domain, disk.device, limits),
      );
      const size = await this.#call(domain, limits, () =>
        this.#connection.domainBlockInfo(domain, disk.device, limits),
      );
      readings.push({ disk, io: isMissing(io) ? io : ioOf(io), size });
    }
    return readings;
  }

  async #vnics(domain: Domain, { vnics }: DomainDescription, limits: Limits): Promise<readonly VnicReading[]> {
    const readings: VnicReading[] = [];
    for (const vnic of vnics) readings.push({ vnic, traffic: await this.#traffic(domain, vnic, limits) });
    return readings;
  }

  async #traffic(domain: Domain, vnic: DescribedVnic, limits: Limits): Promise<VnicReading['traffic']> {
    if (vnic.passedThrough) return passedThrough;
    const stats = await this.#call(domain, limits, () =>
      this.#connection.domainInterfaceStats(domain, vnic.name, limits),
    );
    if (isMissing(stats)) return stats;
    const { rxBytes, rxPackets, txBytes, txPackets } = stats;
    if (rxBytes === undefined || rxPackets === undefined || txBytes === undefined || txPackets === undefined) {
      return notReported;
    }
    return {
      rxBytes,
      rxPackets,
      rxErrors: stats.rxErrors,
      rxDrops: stats.rxDrop,
      txBytes,
      txPackets,
      txErrors: stats.txErrors,
      txDrops: stats.txDrop,
    };
  }

  async #call<Value extends object>(
    domain: Domain,
    limits: Limits,
    call: () => Promise<Value>,
  ): Promise<Value | Missing> {
    if (this.#stuck.has(domain.uuid)) return busy;
    try {
      return await call();
    } catch (error) {
      if (isNoDomain(error) || isConnectionClosed(error) || limits.signal.aborted) throw error;
      if (isUnsupported(error)) return notReported;
      if (isOperationInvalid(error)) return off;
      if (!isAbandonedCall(error)) return { missing: 'error', detail: describeError(error) };
      this.#stuck.add(domain.uuid);
      void error.late.then(() => this.#stuck.delete(domain.uuid));
      return busy;
    }
  }
}

function ioOf(stats: Awaited<ReturnType<Connection['domainBlockStats']>>): DiskReading['io'] {
  const { readBytes, readRequests, writeBytes, writeRequests } = stats;
  if (
    readBytes === undefined ||
    readRequests === undefined ||
    writeBytes === undefined ||
    writeRequests === undefined
  ) {
    return notReported;
  }
  return { readBytes, readRequests, writeBytes, writeRequests, readTimeNs: undefined, writeTimeNs: undefined };
}
