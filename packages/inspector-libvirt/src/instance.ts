import { createHash } from 'node:crypto';

import type { Instance, Metadata, PowerState } from '@nephoscope/core';
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
export function runOf(domain: Domain, { boot }: Place): string | undefined {
  return domain.id < 0 ? undefined : `${boot}/${domain.id}`;
}

/** nova's word for each state, as Ceilometer's discovery has it in `status`. */
const status: Readonly<Record<PowerState, string>> = {
  nostate: 'building',
  running: 'active',
  blocked: 'active',
  paused: 'paused',
  shutdown: 'active',
  shutoff: 'stopped',
  crashed: 'error',
  pmsuspended: 'suspended',
};

export interface Owner {
  readonly userId: string | null;
  readonly projectId: string | null;
}

/** Where a domain runs. */
export interface Place {
  /** The host's name in the cloud. */
  readonly host: string;
  /** Tells this boot of this host from all others: the runs of its domains are numbered anew after it. */
  readonly boot: string;
}

/**
 * The instance that a domain is. Its metadata has the keys of Ceilometer's instance counters, those of 2012
 * and those of today; what libvirt does not know is an empty string, as there.
 */
export function instanceOf(
  domain: Domain,
  description: DomainDescription,
  state: PowerState,
  owner: Owner,
  place: Place,
): Instance {
  const { nova } = description;
  const displayName = nova?.name ?? domain.name;
  return Object.freeze({
    id: domain.uuid,
    name: domain.name,
    displayName,
    userId: owner.userId,
    projectId: owner.projectId,
    flavor: nova?.flavor,
    state,
    run: runOf(domain, place),
    metadata: metadataOf(domain, description, displayName, state, owner, place),
  });
}

function metadataOf(
  domain: Domain,
  description: DomainDescription,
  displayName: string,
  state: PowerState,
  owner: Owner,
  place: Place,
): Metadata {
  const { nova } = description;
  const flavor = nova?.flavor;
  const memoryMb = description.memoryKib === undefined ? undefined : Number(description.memoryKib / 1024n);
  return Object.freeze({
    display_name: displayName,
    name: domain.name,
    instance_id: domain.uuid,
    instance_type: flavor?.id ?? flavor?.name ?? '',
    // nova's hostId: the same project and host give the same, without naming the host to the tenant.
    host: createHash('sha224')
      .update(`${owner.projectId ?? ''}${place.host}`)
      .digest('hex'),
    instance_host: place.host,
    flavor:
      flavor === undefined
        ? null
        : Object.freeze({
            id: flavor.id ?? null,
            name: flavor.name,
            vcpus: flavor.vcpus ?? null,
            ram: flavor.memoryMb ?? null,
            disk: flavor.diskGb ?? null,
            ephemeral: flavor.ephemeralGb ?? null,
            swap: flavor.swapMb ?? null,
          }),
    status: status[state],
    state,
    task_state: '',
    reservation_id: '',
    architecture: description.architecture,
    availability_zone: '',
    image: nova?.imageId === undefined ? null : Object.freeze({ id: nova.imageId }),
    image_ref: nova?.imageId ?? '',
    image_ref_url: '',
    kernel_id: '',
    os_type: description.osType,
    ramdisk_id: '',
    created_at: nova?.createdAt ?? '',
    disk_gb: flavor?.diskGb ?? '',
    ephemeral_gb: flavor?.ephemeralGb ?? '',
    memory_mb: flavor?.memoryMb ?? memoryMb ?? '',
    root_gb: flavor?.diskGb ?? '',
    vcpus: flavor?.vcpus ?? description.vcpus ?? '',
  });
}
