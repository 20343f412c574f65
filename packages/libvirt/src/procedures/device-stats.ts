import type { Procedure } from '../rpc/procedure.js';
import type {
  Domain,
  DomainBlockInfo,
  DomainBlockStats,
  DomainInterfaceStats,
  DomainMemoryStats,
  TypedParams,
} from '../types.js';
import { NameCache } from '../xdr/name-cache.js';
import { XdrError, type XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';
import { writeDomain } from './domain-ref.js';
import { readTypedParams } from './typed-params.js';

/** `REMOTE_DOMAIN_BLOCK_STATS_PARAMETERS_MAX`. */
const BLOCK_PARAMS_MAX = 16;
/** `VIR_TYPED_PARAM_STRING_OKAY`: string parameters are supported. */
const STRINGS_OKAY = 4;
/** `REMOTE_DOMAIN_MEMORY_STATS_MAX`. */
const MEMORY_STATS_MAX = 1024;
const MEMORY_STAT_BYTES = 12;

/** A device of a domain: the name of its target (`vda`, `tap1`) or, for a disk, its source's path. */
export interface DomainDevice {
  readonly domain: Domain;
  readonly device: string;
}

function writeDevice(writer: XdrWriter, { domain, device }: DomainDevice): void {
  writeDomain(writer, domain);
  writer.string(device);
}

/** libvirt returns -1 for a figure that the hypervisor does not have. */
function known(reader: XdrReader): bigint | undefined {
  const figure = reader.int64();
  return figure === -1n ? undefined : figure;
}

export const domainBlockStats: Procedure<DomainDevice, DomainBlockStats> = {
  name: 'domain_block_stats',
  number: 64,
  encode: writeDevice,
  decode: (reader) => ({
    readRequests: known(reader),
    readBytes: known(reader),
    writeRequests: known(reader),
    writeBytes: known(reader),
    errors: known(reader),
  }),
};

const blockParamNames = new NameCache();

export const domainBlockStatsFlags: Procedure<DomainDevice, TypedParams> = {
  name: 'domain_block_stats_flags',
  number: 243,
  encode(writer, args) {
    writeDevice(writer, args);
    writer.int32(BLOCK_PARAMS_MAX);
    writer.uint32(STRINGS_OKAY);
  },
  decode(reader) {
    const params = readTypedParams(reader, BLOCK_PARAMS_MAX, blockParamNames);
    reader.int32();
    return params;
  },
};

export const domainGetBlockInfo: Procedure<DomainDevice, DomainBlockInfo> = {
  name: 'domain_get_block_info',
  number: 194,
  encode(writer, args) {
    writeDevice(writer, args);
    writer.uint32(0);
  },
  decode(reader) {
    const allocation = reader.uint64();
    return { capacity: reader.uint64(), allocation, physical: reader.uint64() };
  },
};

export const domainInterfaceStats: Procedure<DomainDevice, DomainInterfaceStats> = {
  name: 'domain_interface_stats',
  number: 65,
  encode: writeDevice,
  decode: (reader) => ({
    rxBytes: known(reader),
    rxPackets: known(reader),
    rxErrors: known(reader),
    rxDrop: known(reader),
    txBytes: known(reader),
    txPackets: known(reader),
    txErrors: known(reader),
    txDrop: known(reader),
  }),
};

/** `virDomainMemoryStatTags`, in the order of their numbers. */
export const memoryStatNames = [
  'swapIn',
  'swapOut',
  'majorFault',
  'minorFault',
  'unused',
  'available',
  'actualBalloon',
  'rss',
  'usable',
  'lastUpdate',
  'diskCaches',
  'hugetlbPageAlloc',
  'hugetlbPageFail',
] as const satisfies readonly (keyof DomainMemoryStats)[];

export const domainMemoryStats: Procedure<Domain, DomainMemoryStats> = {
  name: 'domain_memory_stats',
  number: 159,
  encode(writer, domain) {
    writeDomain(writer, domain);
    writer.uint32(MEMORY_STATS_MAX);
    writer.uint32(0);
  },
  decode(reader) {
    const stats: { -readonly [Name in keyof DomainMemoryStats]: bigint } = {};
    for (let left = reader.count(MEMORY_STATS_MAX, MEMORY_STAT_BYTES); left > 0; left -= 1) {
      const tag = reader.int32();
      if (tag < 0) throw new XdrError(`memory figure ${tag}`);
      const value = reader.uint64();
      // An unknown tag was added by a newer libvirt.
      const name = memoryStatNames[tag];
      if (name !== undefined) stats[name] = value;
    }
    return stats;
  },
};
