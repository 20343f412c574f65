import type { Instance, PowerState } from '@nephoscope/core/instance';
import type { Domain } from '@nephoscope/libvirt';

import type { DomainDescription } from './domain-xml.js';

/** By number, as virDomainState counts. */
export const powerStates: readonly PowerState[] = [
  'nostate',
  'running',
  'blocked',
  'paused',
  'shutdown',
  'shutoff',
  'crashed',
  'pmsuspended',
];

/** Names the run that a domain is in; undefined while it is shut off. */
export function runOf(domain: Domain, boot: string): string | undefined {
  return domain.id < 0 ? undefined : `${boot}/${domain.id}`;
}

export interface Owner {
  readonly userId: string | null;
  readonly projectId: string | null;
}

/**
 * The instance that a domain is.
 *
 * @param boot identifies this boot of the host: domain ids restart with each boot
 */
export function instanceOf(
  domain: Domain,
  description: DomainDescription,
  state: PowerState,
  owner: Owner,
  boot: string,
): Instance {
  const { architecture, memoryKib, nova, osType, vcpus } = description;
  return Object.freeze({
    id: domain.uuid,
    name: domain.name,
    displayName: nova?.name ?? domain.name,
    userId: owner.userId,
    projectId: owner.projectId,
    flavor: nova?.flavor,
    state,
    run: runOf(domain, boot),
    vcpus,
    memoryMb: memoryKib === undefined ? undefined : Number(memoryKib / 1024n),
    imageId: nova?.imageId,
    createdAt: nova?.createdAt,
    architecture,
    osType,
  });
}
