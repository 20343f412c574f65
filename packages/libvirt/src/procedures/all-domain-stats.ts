import { ArgumentError } from '../errors.js';
import type { Procedure } from '../rpc/procedure.js';
import type { AllDomainStatsFlags, AllDomainStatsQuery, DomainStatsRecord, StatsGroup } from '../types.js';
import { NameCache } from '../xdr/name-cache.js';
import { DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain, writeDomain } from './domain-ref.js';
import { readTypedParams } from './typed-params.js';

/** `REMOTE_CONNECT_GET_ALL_DOMAIN_STATS_MAX`: most figures of one domain. */
const STATS_MAX = 262_144;

/** `virDomainStatsTypes`. */
const groupBits: Record<StatsGroup, number> = {
  state: 1 << 0,
  cpuTotal: 1 << 1,
  balloon: 1 << 2,
  vcpu: 1 << 3,
  interface: 1 << 4,
  block: 1 << 5,
  perf: 1 << 6,
  iothread: 1 << 7,
  memory: 1 << 8,
  dirtyrate: 1 << 9,
  vm: 1 << 10,
};

/** `virConnectGetAllDomainStatsFlags`. */
const flagBits: Record<keyof AllDomainStatsFlags, number> = {
  active: 1 << 0,
  inactive: 1 << 1,
  persistent: 1 << 2,
  transient: 1 << 3,
  running: 1 << 4,
  paused: 1 << 5,
  shutoff: 1 << 6,
  other: 1 << 7,
  nowait: 1 << 29,
  backing: 1 << 30,
  enforce: 1 << 31,
};

const names = new NameCache();

export const connectGetAllDomainStats: Procedure<AllDomainStatsQuery, DomainStatsRecord[]> = {
  name: 'connect_get_all_domain_stats',
  number: 344,
  encode(writer, { groups = [], flags = {}, domains }) {
    // On the wire an empty list means all domains, unlike here.
    if (domains?.length === 0)
      throw new ArgumentError('statistics of no domain; leave `domains` out to ask for all');
    if (domains !== undefined && domains.length > DOMAIN_LIST_MAX) {
      throw new ArgumentError(
        `statistics of ${domains.length} domains; one call takes at most ${DOMAIN_LIST_MAX}`,
      );
    }
    writer.array(domains ?? [], (domain) => writeDomain(writer, domain));
    writer.uint32(groups.reduce((bits, group) => bits | groupBits[group], 0));
    const set = (Object.keys(flagBits) as (keyof AllDomainStatsFlags)[]).filter((flag) => flags[flag]);
    writer.uint32(set.reduce((bits, flag) => bits | flagBits[flag], 0) >>> 0);
  },
  decode: (reader) =>
    reader.array(DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES + 4, (record) => ({
      domain: readDomain(record),
      params: readTypedParams(record, STATS_MAX, names),
    })),
};
