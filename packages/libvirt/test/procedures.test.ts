import fc from 'fast-check';
import { memoryStatNames } from '../src/procedures/device-stats.js';
import { MessageStatus } from '../src/rpc/message.js';
import type { Procedure } from '../src/rpc/procedure.js';
import { readRemoteError } from '../src/rpc/remote-error.js';
import { type ArgsOf, procedures, type ProcedureName, type ResultOf, serverCodecs } from '../src/testing/codec.js';
import { Fault, writeFault } from '../src/testing/fault.js';
import type { AllDomainStatsFlags, DomainMemoryStats, StatsGroup, TypedValue } from '../src/types.js';
import { XdrReader } from '../src/xdr/reader.js';
import { XdrWriter } from '../src/xdr/writer.js';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
/** -1 on the wire means unknown. */
const figure = fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { nil: undefined });
const text = fc.string({ unit: 'grapheme' });
const domain = fc.record({ name: text, uuid: fc.uuid(), id: int32 });
const device = fc.record({ domain, device: text });
const version = fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999)).map((parts) => parts.join('.'));
const nothing = fc.constant(undefined);
const value: fc.Arbitrary<TypedValue> = fc.oneof(
  int32,
  uint32,
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.boolean(),
  text,
);
const params = (max: number) =>
  fc
    .uniqueArray(fc.tuple(text, value), { maxLength: max, selector: ([name]) => name })
    .map((entries) => new Map(entries));
const groups: StatsGroup[] = [
  'state',
  'cpuTotal',
  'balloon',
  'vcpu',
  'interface',
  'block',
  'perf',
  'iothread',
  'memory',
  'dirtyrate',
  'vm',
];
const flags: (keyof AllDomainStatsFlags)[] = [
  'active',
  'inactive',
  'persistent',
  'transient',
  'running',
  'paused',
  'shutoff',
  'other',
  'nowait',
  'backing',
  'enforce',
];
const allDomainStatsQuery = fc.record(
  {
    groups: fc.subarray(groups),
    flags: fc
      .subarray(flags)
      .map((set) => Object.fromEntries(set.map((flag) => [flag, true])) as AllDomainStatsFlags),
    domains: fc.array(domain, { minLength: 1 }),
  },
  { requiredKeys: ['groups', 'flags'] },
);
const memoryStats = fc
  .subarray([...memoryStatNames])
  .chain((names) => fc.tuple(...names.map((name) => uint64.map((size) => [name, size] as const))))
  .map((entries) => Object.fromEntries(entries) as DomainMemoryStats);

const messages: {
  [Name in ProcedureName]: { args: fc.Arbitrary<ArgsOf<Name>>; result: fc.Arbitrary<ResultOf<Name>> };
} = {
  authList: { args: nothing, result: fc.array(fc.nat(2), { maxLength: 20 }) },
  authPolkit: { args: nothing, result: fc.boolean() },
  connectSupportsFeature: { args: int32, result: fc.boolean() },
  connectOpen: { args: fc.record({ name: text, readOnly: fc.boolean() }), result: nothing },
  connectClose: { args: nothing, result: nothing },
  connectGetHostname: { args: nothing, result: text },
  connectGetUri: { args: nothing, result: text },
  connectGetCapabilities: { args: nothing, result: text },
  connectGetVersion: { args: nothing, result: version },
  connectGetLibVersion: { args: nothing, result: version },
  nodeGetInfo: {
    args: nothing,
    result: fc.record({
      model: fc.stringMatching(/^[ -~]{0,32}$/),
      memoryKib: uint64,
      cpus: int32,
      mhz: int32,
      nodes: int32,
      sockets: int32,
      cores: int32,
      threads: int32,
    }),
  },
  connectListAllDomains: {
    args: fc.record({ active: fc.boolean(), inactive: fc.boolean() }),
    result: fc.array(domain),
  },
  domainLookupByName: { args: text, result: domain },
  domainLookupByUuid: { args: fc.uuid(), result: domain },
  domainLookupById: { args: int32, result: domain },
  domainGetInfo: {
    args: domain,
    result: fc.record({
      state: fc.nat(7),
      maxMemoryKib: uint64,
      memoryKib: uint64,
      vcpus: fc.nat(65_535),
      cpuTimeNs: uint64,
    }),
  },
  domainGetXmlDesc: { args: fc.record({ domain, secure: fc.boolean(), inactive: fc.boolean() }), result: text },
  domainBlockStats: {
    args: device,
    result: fc.record({
      readRequests: figure,
      readBytes: figure,
      writeRequests: figure,
      writeBytes: figure,
      errors: figure,
    }),
  },
  domainBlockStatsFlags: { args: device, result: params(16) },
  domainGetBlockInfo: {
    args: device,
    result: fc.record({ capacity: uint64, allocation: uint64, physical: uint64 }),
  },
  domainInterfaceStats: {
    args: device,
    result: fc.record({
      rxBytes: figure,
      rxPackets: figure,
      rxErrors: figure,
      rxDrop: figure,
      txBytes: figure,
      txPackets: figure,
      txErrors: figure,
      txDrop: figure,
    }),
  },
  domainMemoryStats: { args: domain, result: memoryStats },
  connectGetAllDomainStats: {
    args: allDomainStatsQuery,
    result: fc.array(fc.record({ domain, params: params(40) })),
  },
  eventRegister: { args: int32, result: int32 },
  eventDeregister: { args: int32, result: nothing },
};

function roundTrip<T>(
  written: T,
  write: (writer: XdrWriter, value: T) => void,
  read: (reader: XdrReader) => T,
): T {
  const writer = new XdrWriter(64);
  write(writer, written);
  const reader = new XdrReader(writer.take());
  const result = read(reader);
  reader.finish();
  return result;
}

describe.each(Object.keys(procedures) as ProcedureName[])('%s', (name) => {
  const { encode, decode } = procedures[name] as Procedure<unknown, unknown>;
  const { readArgs, writeResult } = serverCodecs[name] as {
    readArgs: (reader: XdrReader) => unknown;
    writeResult: (writer: XdrWriter, result: unknown) => void;
  };
  const { args, result } = messages[name] as { args: fc.Arbitrary<unknown>; result: fc.Arbitrary<unknown> };

  it('sends the arguments that were given', () => {
    fc.assert(fc.property(args, (asked) => expect(roundTrip(asked, encode, readArgs)).toEqual(asked)));
  });

  it('returns the answer that was sent', () => {
    fc.assert(fc.property(result, (answer) => expect(roundTrip(answer, writeResult, decode)).toEqual(answer)));
  });

  if (messages[name].result === nothing) return;

  it('refuses a truncated answer', () => {
    fc.assert(
      fc.property(result, fc.integer({ min: 1, max: 8 }), (answer, missing) => {
        const writer = new XdrWriter();
        writeResult(writer, answer);
        const bytes = writer.take();
        expect(() => decode(new XdrReader(bytes, 0, Math.max(0, bytes.length - missing)))).toThrow('bytes');
      }),
    );
  });
});

describe('typed parameters', () => {
  /** A list with one parameter, whose value is the given bytes. */
  const listed = (type: number, writeValue: (writer: XdrWriter) => void) => {
    const writer = new XdrWriter();
    writer.array([type], () => {
      writer.string('x');
      writer.int32(type);
      writeValue(writer);
    });
    writer.int32(1);
    return procedures.domainBlockStatsFlags.decode(new XdrReader(writer.take())).get('x');
  };

  it.each<[string, number, (writer: XdrWriter) => void, TypedValue]>([
    ['int', 1, (writer) => writer.int32(-5), -5],
    ['uint', 2, (writer) => writer.uint32(4_294_967_295), 4_294_967_295],
    ['llong', 3, (writer) => writer.int64(-1n), -1n],
    ['ullong', 4, (writer) => writer.uint64(8_292_646_586_825_371_460n), 8_292_646_586_825_371_460n],
    ['double', 5, (writer) => writer.double(1e-7), 1e-7],
    ['boolean', 6, (writer) => writer.int32(1), true],
    ['string', 7, (writer) => writer.string('vda'), 'vda'],
  ])('of the type %s are read', (_, type, writeValue, expected) => {
    expect(listed(type, writeValue)).toBe(expected);
  });

  it('of unknown types are refused', () => {
    expect(() => listed(8, (writer) => writer.int32(0))).toThrow('unknown type 8');
  });
});

describe('a query of statistics', () => {
  const encode = (query: ArgsOf<'connectGetAllDomainStats'>) => () =>
    procedures.connectGetAllDomainStats.encode(new XdrWriter(), query);
  const one = { name: 'a', uuid: '0d6b7e1c-3f5a-4c1e-9a77-2b5f0c7d9e11', id: 1 };

  it('without a domain is refused, because on the wire it would mean all domains', () => {
    expect(encode({ domains: [] })).toThrow('leave `domains` out');
  });

  it('with more domains than the protocol permits is refused', () => {
    expect(encode({ domains: Array.from({ length: 16_385 }, () => one) })).toThrow('at most 16384');
  });
});

describe('an error', () => {
  it('has its code, domain and message', () => {
    fc.assert(
      fc.property(int32, int32, text, (code, from, message) => {
        const writer = new XdrWriter();
        writeFault(writer, new Fault(code, message, from));
        const reader = new XdrReader(writer.take());
        expect(readRemoteError(reader)).toEqual({ libvirtCode: code, libvirtDomain: from, level: 2, message });
        reader.finish();
      }),
    );
    expect(MessageStatus.error).toBe(1);
  });

  it('may have a domain and a network, which are skipped, or no message', () => {
    const writer = new XdrWriter();
    const uuid = '0d6b7e1c-3f5a-4c1e-9a77-2b5f0c7d9e11';
    writer.int32(1);
    writer.int32(2);
    writer.boolean(false);
    writer.int32(2);
    writer.boolean(true);
    writer.string('domain');
    writer.uuid(uuid);
    writer.int32(7);
    for (const part of ['a', undefined, 'c']) writer.optional(part, (some) => writer.string(some));
    writer.int32(0);
    writer.int32(0);
    writer.boolean(true);
    writer.string('network');
    writer.uuid(uuid);
    const reader = new XdrReader(writer.take());
    expect(readRemoteError(reader).message).toBe('libvirt error 1, without a message');
    reader.finish();
  });
});
