import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import type { Metadata } from '@nephoscope/core';
import type { Instance, PowerState } from '@nephoscope/core/instance';

/** nova's name of each state, as in `status` of Ceilometer's discovery. */
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
 * Makes Ceilometer's `resource_metadata` of instances, with the keys of 2012 and today's, whatever inspector read
 * them. As in Ceilometer, unknown values are empty strings. An unchanged instance gets the same object each time, so
 * that its signed text can be cached.
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
      // For the rest of the cycle it is compared with itself, which is fast.
      known.instance = instance;
      return known.metadata;
    }
    const metadata = metadataOf(instance, this.#host);
    this.#made.set(instance.id, { instance, metadata });
    return metadata;
  }

  /** Discards the instances that no longer exist. */
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

/** nova's hostId: the same for the same project and host, without revealing the host to the tenant. */
const hostId = (projectId: string | null, host: string): string =>
  createHash('sha224')
    .update(`${projectId ?? ''}${host}`)
    .digest('hex');
