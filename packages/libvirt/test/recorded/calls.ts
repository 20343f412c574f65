import { procedures } from '../../src/testing/codec.js';
import type { Procedure } from '../../src/rpc/procedure.js';
import type { Domain } from '../../src/types.js';

const domain: Domain = { name: 'instance-00000001', uuid: '0d6b7e1c-3f5a-4c1e-9a77-2b5f0c7d9e11', id: -1 };
const nobody: Domain = { name: 'nobody', uuid: '00000000-0000-4000-8000-000000000000', id: -1 };

const call = <Args, Result>(procedure: Procedure<Args, Result>, args: Args) => ({
  procedure: procedure as Procedure<unknown, unknown>,
  args: args as unknown,
});

/**
 * The calls that were made, in this order, while `session.bin` was recorded: everything that libvirtd 9.0 sent on one
 * connection, with QEMU 7.2 and the guest of `guest.xml`, which was suspended and resumed between the two halves. The
 * order of the answers is the daemon's.
 */
export const callsBeforeEvents = [
  call(procedures.authList, undefined),
  call(procedures.connectSupportsFeature, 10),
  call(procedures.connectOpen, { name: 'qemu:///system', readOnly: true }),
  call(procedures.connectGetLibVersion, undefined),
  call(procedures.connectListAllDomains, {}),
  call(procedures.eventRegister, 0),
];

export const callsAfterEvents = [
  call(procedures.domainLookupByName, domain.name),
  call(procedures.domainLookupByUuid, nobody.uuid),
  call(procedures.domainGetXmlDesc, { domain, secure: false, inactive: true }),
  call(procedures.domainBlockStats, { domain, device: 'vda' }),
  call(procedures.domainBlockStatsFlags, { domain, device: 'vdb' }),
  call(procedures.domainGetBlockInfo, { domain, device: 'vda' }),
  call(procedures.domainBlockStats, { domain, device: 'none' }),
  call(procedures.domainInterfaceStats, { domain, device: 'taprec0' }),
  call(procedures.domainMemoryStats, domain),
  call(procedures.domainGetInfo, domain),
  call(procedures.connectGetAllDomainStats, { flags: { nowait: true } }),
  call(procedures.connectGetAllDomainStats, { groups: ['state' as const, 'vcpu' as const], domains: [domain] }),
];
