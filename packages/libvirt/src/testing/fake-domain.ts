import type {
  Domain,
  DomainBlockInfo,
  DomainBlockStats,
  DomainInfo,
  DomainInterfaceStats,
  DomainMemoryStats,
  StatsGroup,
  TypedParams,
  TypedValue,
} from '../types.js';
import type { ArgsOf, ProcedureName, ResultOf } from './codec.js';
import { noDomain, noSupport } from './fault.js';

/** A domain of the fake daemon; whatever is absent is answered as not supported. */
export interface FakeDomain extends Domain {
  readonly xml?: string;
  readonly info?: DomainInfo;
  /** Figures of the bulk call, by libvirt's names; a query's groups choose among them. */
  readonly stats?: Readonly<Record<string, TypedValue>>;
  readonly memoryStats?: DomainMemoryStats;
  /** By device. */
  readonly blockStats?: Readonly<Record<string, DomainBlockStats>>;
  readonly blockInfo?: Readonly<Record<string, DomainBlockInfo>>;
  readonly interfaceStats?: Readonly<Record<string, DomainInterfaceStats>>;
}

/** Answers one kind of call: the result, a promise of it (one that never settles is a hung call), or a throw. */
export type Handler<Name extends ProcedureName> = (args: ArgsOf<Name>) => ResultOf<Name> | Promise<ResultOf<Name>>;
export type Handlers = { [Name in ProcedureName]: Handler<Name> };

/** The prefix that the figures of a group have. */
const prefixes: Record<StatsGroup, string> = {
  state: 'state.',
  cpuTotal: 'cpu.',
  balloon: 'balloon.',
  vcpu: 'vcpu.',
  interface: 'net.',
  block: 'block.',
  perf: 'perf.',
  iothread: 'iothread.',
  memory: 'memory.',
  dirtyrate: 'dirtyrate.',
  vm: 'vm.',
};

/** The default answers of a daemon with these domains. */
export function defaultHandlers(domains: () => readonly FakeDomain[], uri: () => string): Handlers {
  let callbackId = 0;

  const find = (what: string, matches: (domain: FakeDomain) => boolean): FakeDomain => {
    const domain = domains().find(matches);
    if (domain === undefined) throw noDomain(what);
    return domain;
  };
  const same = ({ uuid, name }: Domain): FakeDomain =>
    find(`uuid '${uuid}' (${name})`, (domain) => domain.uuid === uuid);

  return {
    authList: () => [],
    authPolkit: () => true,
    connectSupportsFeature: () => true,
    connectOpen: () => undefined,
    connectClose: () => undefined,
    connectGetHostname: () => 'fake-host',
    connectGetUri: uri,
    connectGetCapabilities: () => '<capabilities/>',
    connectGetVersion: () => '7.2.0',
    connectGetLibVersion: () => '9.0.0',
    nodeGetInfo: () => ({
      model: 'x86_64',
      memoryKib: 8_388_608n,
      cpus: 4,
      mhz: 2_000,
      nodes: 1,
      sockets: 1,
      cores: 4,
      threads: 1,
    }),
    connectListAllDomains: (filter) => domains().filter((domain) => selects(filter, domain)),
    domainLookupByName: (name) => find(`name '${name}'`, (domain) => domain.name === name),
    domainLookupByUuid: (uuid) => find(`uuid '${uuid}'`, (domain) => domain.uuid === uuid),
    domainLookupById: (id) => find(`id '${id}'`, (domain) => domain.id === id && id >= 0),
    domainGetInfo: (domain) => given(same(domain).info, 'virDomainGetInfo'),
    domainGetXmlDesc: ({ domain }) => given(same(domain).xml, 'virDomainGetXMLDesc'),
    domainBlockStats: ({ domain, device }) => given(same(domain).blockStats?.[device], 'virDomainBlockStats'),
    domainBlockStatsFlags: () => {
      throw noSupport('virDomainBlockStatsFlags');
    },
    domainGetBlockInfo: ({ domain, device }) => given(same(domain).blockInfo?.[device], 'virDomainGetBlockInfo'),
    domainInterfaceStats: ({ domain, device }) =>
      given(same(domain).interfaceStats?.[device], 'virDomainInterfaceStats'),
    domainMemoryStats: (domain) => given(same(domain).memoryStats, 'virDomainMemoryStats'),
    connectGetAllDomainStats: ({ groups, flags, domains: listed }) =>
      (listed?.map(same) ?? domains())
        .filter((domain) => selects(flags ?? {}, domain))
        .map((domain) => ({ domain, params: statsOf(domain, groups ?? []) })),
    eventRegister: () => callbackId++,
    eventDeregister: () => undefined,
  };
}

function selects(filter: { readonly active?: boolean; readonly inactive?: boolean }, domain: Domain): boolean {
  if (!filter.active && !filter.inactive) return true;
  return domain.id >= 0 ? filter.active === true : filter.inactive === true;
}

function statsOf(domain: FakeDomain, groups: readonly StatsGroup[]): TypedParams {
  const figures = Object.entries(domain.stats ?? {});
  if (groups.length === 0) return new Map(figures);
  return new Map(figures.filter(([name]) => groups.some((group) => name.startsWith(prefixes[group]))));
}

function given<T>(value: T | undefined, call: string): T {
  if (value === undefined) throw noSupport(call);
  return value;
}
