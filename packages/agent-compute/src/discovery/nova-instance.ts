import type { Flavor, Instance } from '@nephoscope/core/instance';

import type { Server } from './server.js';

/**
 * The instance with nova's facts, in the state that the hypervisor read. Values known to both are the same, except
 * for the time of creation: the domain has the time of its last definition.
 *
 * @param listed undefined for a flavor that nova no longer lists: then the domain's values are used
 */
export function novaInstance(instance: Instance, server: Server, listed: Flavor | undefined): Instance {
  const flavor: Flavor | undefined =
    listed ?? (instance.flavor === undefined ? undefined : { ...instance.flavor, id: server.flavorId });
  const { host, hostId, flavorId, taskState, availabilityZone, reservationId, kernelId, ramdiskId } = server;
  return Object.freeze({
    ...instance,
    displayName: server.displayName,
    userId: server.userId,
    projectId: server.projectId,
    flavor,
    imageId: server.imageId === '' ? undefined : server.imageId,
    createdAt: server.createdAt,
    cloud: Object.freeze({
      ...{ host, hostId, flavorId, status: server.vmState, taskState },
      ...{ availabilityZone, reservationId, kernelId, ramdiskId },
    }),
  });
}
