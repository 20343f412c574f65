import { connectGetAllDomainStats } from '../procedures/all-domain-stats.js';
import {
  domainBlockStats,
  domainBlockStatsFlags,
  type DomainDevice,
  domainGetBlockInfo,
  domainInterfaceStats,
  domainMemoryStats,
  memoryStatNames,
} from '../procedures/device-stats.js';
import {
  connectListAllDomains,
  domainGetInfo,
  domainGetXmlDesc,
  domainLookupById,
  domainLookupByName,
  domainLookupByUuid,
} from '../procedures/domain.js';
import { DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain, writeDomain } from '../procedures/domain-ref.js';
import { eventDeregister, eventRegister } from '../procedures/events.js';
import {
  connectGetCapabilities,
  connectGetHostname,
  connectGetLibVersion,
  connectGetUri,
  connectGetVersion,
  nodeGetInfo,
} from '../procedures/host.js';
import { authList, authPolkit, connectClose, connectOpen, connectSupportsFeature } from '../procedures/session.js';
import { ParamType } from '../procedures/typed-params.js';
import type { Procedure } from '../rpc/procedure.js';
import type { StatsGroup, TypedParams, TypedValue } from '../types.js';
import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';

/** Every call that the client makes. */
export const procedures = {
  authList,
  authPolkit,
  connectClose,
  connectGetAllDomainStats,
  connectGetCapabilities,
  connectGetHostname,
  connectGetLibVersion,
  connectGetUri,
  connectGetVersion,
  connectListAllDomains,
  connectOpen,
  connectSupportsFeature,
  domainBlockStats,
  domainBlockStatsFlags,
  domainGetBlockInfo,
  domainGetInfo,
  domainGetXmlDesc,
  domainInterfaceStats,
  domainLookupById,
  domainLookupByName,
  domainLookupByUuid,
  domainMemoryStats,
  eventDeregister,
  eventRegister,
  nodeGetInfo,
};

export type ProcedureName = keyof typeof procedures;
export type ArgsOf<Name extends ProcedureName> =
  (typeof procedures)[Name] extends Procedure<infer Args, infer _> ? Args : never;
export type ResultOf<Name extends ProcedureName> =
  (typeof procedures)[Name] extends Procedure<infer _, infer Result> ? Result : never;

/** The daemon's half of a call: what the client encodes is read here, what it decodes is written. */
export interface ServerCodec<Args, Result> {
  readonly readArgs: (reader: XdrReader) => Args;
  readonly writeResult: (writer: XdrWriter, result: Result) => void;
}

const nothing = (): void => {};
const writeString = (writer: XdrWriter, value: string): void => writer.string(value);
const writeCount = (writer: XdrWriter, value: bigint | undefined): void => writer.int64(value ?? -1n);

export const serverCodecs: { readonly [Name in ProcedureName]: ServerCodec<ArgsOf<Name>, ResultOf<Name>> } = {
  authList: {
    readArgs: nothing,
    writeResult: (writer, types) => writer.array(types, (type) => writer.int32(type)),
  },
  authPolkit: { readArgs: nothing, writeResult: (writer, complete) => writer.boolean(complete) },
  connectSupportsFeature: {
    readArgs: (reader) => reader.int32(),
    writeResult: (writer, supported) => writer.boolean(supported),
  },
  connectOpen: {
    readArgs: (reader) => ({
      name: reader.optional((value) => value.string()) ?? '',
      readOnly: (reader.uint32() & 1) === 1,
    }),
    writeResult: nothing,
  },
  connectClose: { readArgs: nothing, writeResult: nothing },
  connectGetHostname: { readArgs: nothing, writeResult: writeString },
  connectGetUri: { readArgs: nothing, writeResult: writeString },
  connectGetCapabilities: { readArgs: nothing, writeResult: writeString },
  connectGetVersion: { readArgs: nothing, writeResult: writeVersion },
  connectGetLibVersion: { readArgs: nothing, writeResult: writeVersion },
  nodeGetInfo: {
    readArgs: nothing,
    writeResult(writer, info) {
      for (let index = 0; index < 32; index += 1)
        writer.int32(index < info.model.length ? info.model.charCodeAt(index) : 0);
      writer.uint64(info.memoryKib);
      for (const part of ['cpus', 'mhz', 'nodes', 'sockets', 'cores', 'threads'] as const)
        writer.int32(info[part]);
    },
  },
  connectListAllDomains: {
    readArgs(reader) {
      reader.int32();
      const flags = reader.uint32();
      return { active: (flags & 1) !== 0, inactive: (flags & 2) !== 0 };
    },
    writeResult(writer, domains) {
      writer.array(domains, (domain) => writeDomain(writer, domain));
      writer.uint32(domains.length);
    },
  },
  domainLookupByName: { readArgs: (reader) => reader.string(), writeResult: writeDomain },
  domainLookupByUuid: { readArgs: (reader) => reader.uuid(), writeResult: writeDomain },
  domainLookupById: { readArgs: (reader) => reader.int32(), writeResult: writeDomain },
  domainGetInfo: {
    readArgs: readDomain,
    writeResult(writer, info) {
      writer.uint32(info.state);
      writer.uint64(info.maxMemoryKib);
      writer.uint64(info.memoryKib);
      writer.uint32(info.vcpus);
      writer.uint64(info.cpuTimeNs);
    },
  },
  domainGetXmlDesc: {
    readArgs(reader) {
      const domain = readDomain(reader);
      const flags = reader.uint32();
      return { domain, secure: (flags & 1) !== 0, inactive: (flags & 2) !== 0 };
    },
    writeResult: writeString,
  },
  domainBlockStats: {
    readArgs: readDevice,
    writeResult(writer, stats) {
      for (const name of ['readRequests', 'readBytes', 'writeRequests', 'writeBytes', 'errors'] as const) {
        writeCount(writer, stats[name]);
      }
    },
  },
  domainBlockStatsFlags: {
    readArgs(reader) {
      const device = readDevice(reader);
      reader.int32();
      reader.uint32();
      return device;
    },
    writeResult(writer, params) {
      writeTypedParams(writer, params);
      writer.int32(params.size);
    },
  },
  domainGetBlockInfo: {
    readArgs(reader) {
      const device = readDevice(reader);
      reader.uint32();
      return device;
    },
    writeResult(writer, info) {
      writer.uint64(info.allocation);
      writer.uint64(info.capacity);
      writer.uint64(info.physical);
    },
  },
  domainInterfaceStats: {
    readArgs: readDevice,
    writeResult(writer, stats) {
      for (const direction of ['rx', 'tx'] as const) {
        for (const figure of ['Bytes', 'Packets', 'Errors', 'Drop'] as const) {
          writeCount(writer, stats[`${direction}${figure}`]);
        }
      }
    },
  },
  domainMemoryStats: {
    readArgs(reader) {
      const domain = readDomain(reader);
      reader.uint32();
      reader.uint32();
      return domain;
    },
    writeResult(writer, stats) {
      const reported = memoryStatNames.flatMap((name, tag) =>
        stats[name] === undefined ? [] : [{ tag, value: stats[name] }],
      );
      writer.array(reported, ({ tag, value }) => {
        writer.int32(tag);
        writer.uint64(value);
      });
    },
  },
  connectGetAllDomainStats: {
    readArgs(reader) {
      const domains = reader.array(DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain);
      const groups = setBits(reader.uint32(), statsGroups);
      const flags = Object.fromEntries(setBits(reader.uint32(), statsFlags).map((flag) => [flag, true]));
      return { groups, flags, ...(domains.length > 0 && { domains }) };
    },
    writeResult: (writer, records) =>
      writer.array(records, ({ domain, params }) => {
        writeDomain(writer, domain);
        writeTypedParams(writer, params);
      }),
  },
  eventRegister: {
    readArgs(reader) {
      const id = reader.int32();
      reader.optional(readDomain);
      return id;
    },
    writeResult: (writer, callbackId) => writer.int32(callbackId),
  },
  eventDeregister: { readArgs: (reader) => reader.int32(), writeResult: nothing },
};

const statsGroups: Record<number, StatsGroup> = {
  0: 'state',
  1: 'cpuTotal',
  2: 'balloon',
  3: 'vcpu',
  4: 'interface',
  5: 'block',
  6: 'perf',
  7: 'iothread',
  8: 'memory',
  9: 'dirtyrate',
  10: 'vm',
};

const statsFlags: Record<number, string> = {
  0: 'active',
  1: 'inactive',
  2: 'persistent',
  3: 'transient',
  4: 'running',
  5: 'paused',
  6: 'shutoff',
  7: 'other',
  29: 'nowait',
  30: 'backing',
  31: 'enforce',
};

function setBits<T>(bits: number, names: Record<number, T>): T[] {
  return Object.entries(names).flatMap(([bit, name]) => ((bits >>> Number(bit)) & 1 ? [name] : []));
}

function readDevice(reader: XdrReader): DomainDevice {
  return { domain: readDomain(reader), device: reader.string() };
}

function writeVersion(writer: XdrWriter, version: string): void {
  const [major = 0n, minor = 0n, release = 0n] = version.split('.').map(BigInt);
  writer.uint64(major * 1_000_000n + minor * 1_000n + release);
}

/** Writes each value as a type that decodes to the same: the wire's type of a number is not kept. */
export function writeTypedParams(writer: XdrWriter, params: TypedParams): void {
  writer.array([...params], ([name, value]) => {
    writer.string(name);
    writeTypedValue(writer, value);
  });
}

function writeTypedValue(writer: XdrWriter, value: TypedValue): void {
  if (typeof value === 'bigint') {
    writer.int32(value < 0n ? ParamType.llong : ParamType.ullong);
    writer.uint64(BigInt.asUintN(64, value));
  } else if (typeof value === 'string') {
    writer.int32(ParamType.string);
    writer.string(value);
  } else if (typeof value === 'boolean') {
    writer.int32(ParamType.boolean);
    writer.boolean(value);
  } else if (Object.is(value, value >>> 0)) {
    writer.int32(ParamType.uint);
    writer.uint32(value);
  } else if (Object.is(value, value | 0)) {
    writer.int32(ParamType.int);
    writer.int32(value);
  } else {
    writer.int32(ParamType.double);
    writer.double(value);
  }
}
