import type { Flavor, Instance } from '@nephoscope/core';

import type { Server } from './server.js';

/**
 * The instance as nova knows it, in the state that the hypervisor read. Its metadata has the same keys as the
 * hypervisor's, and where both know a value, the same values, but for the time of creation: the domain has the time
 * of its last definition.
 *
 * @param listed undefined for a flavor that nova no longer lists: then what the domain was made with holds
 */
export function novaInstance(instance: Instance, server: Server, listed: Flavor | undefined): Instance {
  const flavor: Flavor | undefined =
    listed ?? (instance.flavor === undefined ? undefined : { ...instance.flavor, id: server.flavorId });
  const { metadata } = instance;
  return Object.freeze({
    ...instance,
    displayName: server.displayName,
    userId: server.userId,
    projectId: server.projectId,
    flavor,
    metadata: Object.freeze({
      ...metadata,
      display_name: server.displayName,
      instance_type: flavor?.id ?? server.flavorId,
      host: server.hostId || (metadata['host'] ?? ''),
      instance_host: server.host || (metadata['instance_host'] ?? ''),
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
      status: server.vmState,
      task_state: server.taskState,
      reservation_id: server.reservationId,
      availability_zone: server.availabilityZone,
      image: server.imageId === '' ? null : Object.freeze({ id: server.imageId }),
      image_ref: server.imageId,
      kernel_id: server.kernelId,
      ramdisk_id: server.ramdiskId,
      created_at: server.createdAt,
      disk_gb: flavor?.diskGb ?? metadata['disk_gb'] ?? '',
      ephemeral_gb: flavor?.ephemeralGb ?? metadata['ephemeral_gb'] ?? '',
      memory_mb: flavor?.memoryMb ?? metadata['memory_mb'] ?? '',
      root_gb: flavor?.diskGb ?? metadata['root_gb'] ?? '',
      vcpus: flavor?.vcpus ?? metadata['vcpus'] ?? '',
    }),
  });
}
