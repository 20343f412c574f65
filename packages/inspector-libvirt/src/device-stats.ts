import { describeError, isMissing } from '@nephoscope/core';
import type { CpuReading, DiskReading, InstancePart, InstanceParts, MemoryReading, Missing, VnicReading } from '@nephoscope/core';
import { isAbandonedCall, isConnectionClosed, isNoDomain, isOperationInvalid, isUnsupported } from '@nephoscope/libvirt';
import type { CallOptions, Connection, Domain } from '@nephoscope/libvirt';

import type { DescribedVnic, DomainDescription } from './domain-xml.js';
import { busy, notReported, off, passedThrough } from './missing.js';

type Reader<P extends InstancePart> = (
  connection: Connection,
  domain: Domain,
  description: DomainDescription,
  options: CallOptions,
) => Promise<InstanceParts[P] | Missing>;

/**
 * Reads one part of a running domain by calls of its own, for drivers that do not report it in bulk. The
 * calls are all under way at once, so that a host costs few round trips all the same.
 *
 * @throws the libvirt error when the domain is gone or the connection is lost
 */
export const readPartByCalls: { readonly [P in InstancePart]: Reader<P> } = {
  cpu: (connection, domain, _description, options) =>
    orMissing(
      connection.domainInfo(domain, options).then(({ vcpus, cpuTimeNs }): CpuReading => ({ count: vcpus, timeNs: cpuTimeNs, waitNs: notReported })),
    ),
  memory: (connection, domain, _description, options) =>
    orMissing(
      connection.domainMemoryStats(domain, options).then(({ available, usable, unused, rss, swapIn, swapOut }): MemoryReading => {
        const free = usable ?? unused;
        return {
          usedKib: available === undefined || free === undefined ? undefined : available - free,
          residentKib: rss,
          swapInKib: swapIn,
          swapOutKib: swapOut,
          bandwidthTotal: undefined,
          bandwidthLocal: undefined,
        };
      }),
    ),
  disks: (connection, domain, { disks }, options) =>
    Promise.all(
      disks.map(async (disk): Promise<DiskReading> => {
        const [io, size] = await Promise.all([
          orMissing(connection.domainBlockStats(domain, disk.device, options)),
          orMissing(connection.domainBlockInfo(domain, disk.device, options)),
        ]);
        if (isMissing(io)) return { disk, io, size };
        const { readBytes, readRequests, writeBytes, writeRequests } = io;
        if (readBytes === undefined || readRequests === undefined || writeBytes === undefined || writeRequests === undefined) {
          return { disk, io: notReported, size };
        }
        return { disk, io: { readBytes, readRequests, writeBytes, writeRequests, readTimeNs: undefined, writeTimeNs: undefined }, size };
      }),
    ),
  vnics: (connection, domain, { vnics }, options) =>
    Promise.all(vnics.map(async (vnic): Promise<VnicReading> => ({ vnic, traffic: await trafficOf(connection, domain, vnic, options) }))),
};

async function trafficOf(connection: Connection, domain: Domain, vnic: DescribedVnic, options: CallOptions): Promise<VnicReading['traffic']> {
  if (vnic.passedThrough) return passedThrough;
  const stats = await orMissing(connection.domainInterfaceStats(domain, vnic.name, options));
  if (isMissing(stats)) return stats;
  const { rxBytes, rxPackets, txBytes, txPackets } = stats;
  if (rxBytes === undefined || rxPackets === undefined || txBytes === undefined || txPackets === undefined) return notReported;
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

async function orMissing<Value extends object>(call: Promise<Value>): Promise<Value | Missing> {
  try {
    return await call;
  } catch (error) {
    if (isNoDomain(error) || isConnectionClosed(error)) throw error;
    if (isUnsupported(error)) return notReported;
    if (isOperationInvalid(error)) return off;
    if (isAbandonedCall(error)) return busy;
    return { missing: 'error', detail: describeError(error) };
  }
}

