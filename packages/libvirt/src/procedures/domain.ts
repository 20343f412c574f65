import type { Procedure } from '../rpc/procedure.js';
import type { Domain, DomainInfo, ListDomainsFilter } from '../types.js';
import { DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain, writeDomain } from './domain-ref.js';

/** `virConnectListAllDomainsFlags`. */
const ListFlag = { active: 1, inactive: 2 } as const;
/** `virDomainXMLFlags`. */
const XmlFlag = { secure: 1, inactive: 2 } as const;

export const connectListAllDomains: Procedure<ListDomainsFilter, Domain[]> = {
  name: 'connect_list_all_domains',
  number: 273,
  encode(writer, { active, inactive }) {
    writer.int32(1);
    writer.uint32((active ? ListFlag.active : 0) | (inactive ? ListFlag.inactive : 0));
  },
  decode(reader) {
    const domains = reader.array(DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain);
    reader.uint32();
    return domains;
  },
};

export const domainLookupByName: Procedure<string, Domain> = {
  name: 'domain_lookup_by_name',
  number: 23,
  encode: (writer, name) => writer.string(name),
  decode: readDomain,
};

export const domainLookupByUuid: Procedure<string, Domain> = {
  name: 'domain_lookup_by_uuid',
  number: 24,
  encode: (writer, uuid) => writer.uuid(uuid),
  decode: readDomain,
};

export const domainLookupById: Procedure<number, Domain> = {
  name: 'domain_lookup_by_id',
  number: 22,
  encode: (writer, id) => writer.int32(id),
  decode: readDomain,
};

export const domainGetInfo: Procedure<Domain, DomainInfo> = {
  name: 'domain_get_info',
  number: 16,
  encode: writeDomain,
  decode: (reader) => ({
    // An `unsigned char` and an `unsigned short`, which take four bytes in XDR as everything small does.
    state: reader.uint32(),
    maxMemoryKib: reader.uint64(),
    memoryKib: reader.uint64(),
    vcpus: reader.uint32(),
    cpuTimeNs: reader.uint64(),
  }),
};

export const domainGetXmlDesc: Procedure<{ domain: Domain; secure: boolean; inactive: boolean }, string> = {
  name: 'domain_get_xml_desc',
  number: 14,
  encode(writer, { domain, secure, inactive }) {
    writeDomain(writer, domain);
    writer.uint32((secure ? XmlFlag.secure : 0) | (inactive ? XmlFlag.inactive : 0));
  },
  decode: (reader) => reader.string(),
};
