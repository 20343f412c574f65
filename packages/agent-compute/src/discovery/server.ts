import type { Flavor } from '@nephoscope/core/instance';
import { OpenStackError } from '@nephoscope/openstack';
import type { JsonObject, JsonValue } from '@nephoscope/openstack';

/** nova's facts about an instance; omitted texts are empty. */
export interface Server {
  readonly id: string;
  readonly displayName: string;
  readonly userId: string;
  readonly projectId: string;
  /** nova's hash of project and host. */
  readonly hostId: string;
  readonly host: string;
  readonly flavorId: string;
  readonly imageId: string;
  readonly vmState: string;
  readonly taskState: string;
  readonly availabilityZone: string;
  readonly reservationId: string;
  readonly kernelId: string;
  readonly ramdiskId: string;
  readonly createdAt: string;
}

/** Since this microversion nova returns reservation, kernel and ramdisk; flavors are given by id up to 2.46. */
export const microversion = { 'x-openstack-nova-api-version': '2.3' };

/** @throws OPENSTACK_ANSWER for a server without an id, user or project */
export function readServer(json: JsonObject): Server {
  return {
    id: required(json, 'id'),
    displayName: text(json['name']),
    userId: required(json, 'user_id'),
    projectId: required(json, 'tenant_id'),
    hostId: text(json['hostId']),
    host: text(json['OS-EXT-SRV-ATTR:host']),
    flavorId: text(inner(json['flavor'], 'id')),
    imageId: text(inner(json['image'], 'id')),
    vmState: text(json['OS-EXT-STS:vm_state']) || text(json['status']).toLowerCase(),
    taskState: text(json['OS-EXT-STS:task_state']),
    availabilityZone: text(json['OS-EXT-AZ:availability_zone']),
    reservationId: text(json['OS-EXT-SRV-ATTR:reservation_id']),
    kernelId: text(json['OS-EXT-SRV-ATTR:kernel_id']),
    ramdiskId: text(json['OS-EXT-SRV-ATTR:ramdisk_id']),
    createdAt: text(json['created']),
  };
}

/** @throws OPENSTACK_ANSWER for a flavor without an id or name */
export function readFlavor(json: JsonObject): Flavor & { readonly id: string } {
  return Object.freeze({
    id: required(json, 'id'),
    name: required(json, 'name'),
    vcpus: figure(json['vcpus']),
    memoryMb: figure(json['ram']),
    diskGb: figure(json['disk']),
    ephemeralGb: figure(json['OS-FLV-EXT-DATA:ephemeral']),
    // nova writes '' for no swap.
    swapMb: json['swap'] === '' ? 0 : figure(json['swap']),
  });
}

function required(json: JsonObject, key: string): string {
  const value = text(json[key]);
  if (value === '')
    throw new OpenStackError('OPENSTACK_ANSWER', `nova lists something without '${key}'`, { service: 'compute' });
  return value;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function figure(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function inner(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)[key]
    : undefined;
}
