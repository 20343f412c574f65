import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import type { Metadata } from '@nephoscope/core';
import type { Instance, PowerState } from '@nephoscope/core/instance';

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

/**
 * Makes Ceilometer's `resource_metadata` of instances: the keys of 2012 and those of today, whatever inspector read them.
 * What nobody knows is an empty string, as there. Of an instance of which nothing has changed it is the same object each
 * time, so that whoever signs it keeps its text.
 */
export class InstanceMetadata {
  readonly #host: string;
  readonly #made = new Map<string, { instance: Instance; readonly metadata: Metadata }>();

  /** @param host this host's name in the cloud */
  constructor(host: string) {
    this.#host = host;
  }

  of(instance: Instance): Metadata {
    const known = this.#made.get(instance.id);
    if (known !== undefined && isDeepStrictEqual(known.instance, instance)) {
      // Compared with itself for the rest of the cycle, which takes no time.
      known.instance = instance;
      return known.metadata;
    }
    const metadata = metadataOf(instance, this.#host);
    this.#made.set(instance.id, { instance, metadata });
    return metadata;
  }

  /** Forgets the instances that are not there any more. */
  forgetOthers(instanceIds: ReadonlySet<string>): void {
    for (const id of this.#made.keys()) if (!instanceIds.has(id)) this.#made.delete(id);
  }
}

function metadataOf(instance: Instance, host: string): Metadata {
  const { cloud, flavor, imageId, projectId, state } = instance;
  return Object.freeze({
    display_name: instance.displayName,
    name: instance.name,
    instance_id: instance.id,
    instance_type: flavor?.id ?? cloud?.flavorId ?? flavor?.name ?? '',
    host: cloud?.hostId || hostId(projectId, host),
    instance_host: cloud?.host || host,
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
    status: cloud?.status ?? status[state],
    state,
    task_state: cloud?.taskState ?? '',
    reservation_id: cloud?.reservationId ?? '',
    architecture: instance.architecture ?? '',
    availability_zone: cloud?.availabilityZone ?? '',
    image: imageId === undefined ? null : Object.freeze({ id: imageId }),
    image_ref: imageId ?? '',
    image_ref_url: '',
    kernel_id: cloud?.kernelId ?? '',
    os_type: instance.osType ?? '',
    ramdisk_id: cloud?.ramdiskId ?? '',
    created_at: instance.createdAt ?? '',
    disk_gb: flavor?.diskGb ?? '',
    ephemeral_gb: flavor?.ephemeralGb ?? '',
    memory_mb: flavor?.memoryMb ?? instance.memoryMb ?? '',
    root_gb: flavor?.diskGb ?? '',
    vcpus: flavor?.vcpus ?? instance.vcpus ?? '',
  });
}

/** nova's hostId: the same project and host give the same, without naming the host to the tenant. */
const hostId = (projectId: string | null, host: string): string =>
  createHash('sha224')
    .update(`${projectId ?? ''}${host}`)
    .digest('hex');
