import { parseTimestamp } from '@nephoscope/core';
import type { Metadata, MetadataValue } from '@nephoscope/core';
import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

import { unversionedTypeOf } from './event-types.js';

/**
 * A notification about an instance, in the same shape for both of nova's forms: `compute.instance.*` with a flat
 * payload, and the versioned `instance.*` with nested nova objects.
 */
export interface InstanceEvent {
  /** By its unversioned name. */
  readonly eventType: string;
  readonly instanceId: string;
  /** `tenant_id`, `user_id`, `created_at`, `launched_at`. */
  readonly instance: PayloadReader;
  /** `memory_mb`, `vcpus`, `root_gb`, `ephemeral_gb`. */
  readonly flavor: PayloadReader;
  readonly flavorName: () => string | null;
  readonly metadata: Metadata;
  /** Beginning and end of the period of an `exists`, in seconds since 1970; null for other events. */
  readonly auditPeriod: () => readonly [bigint, bigint] | null;
}

/** @throws NOTIFICATION_FIELD if the instance is not identified, or the versioned form lacks one of its objects */
export function readInstanceEvent(notification: Notification): InstanceEvent {
  const unversionedType = unversionedTypeOf(notification.eventType);
  return unversionedType === undefined
    ? readUnversioned(notification)
    : readVersioned(notification, unversionedType);
}

const sameInBothForms = [
  'display_name',
  'reservation_id',
  'architecture',
  'availability_zone',
  'kernel_id',
  'os_type',
  'ramdisk_id',
  'state',
];
const figures = ['memory_mb', 'vcpus', 'root_gb', 'ephemeral_gb'];

function readUnversioned({ eventType, publisherId, payload: fields }: Notification): InstanceEvent {
  const payload = new PayloadReader(fields);
  return {
    eventType,
    instanceId: payload.text('instance_id'),
    instance: payload,
    flavor: payload,
    flavorName: () => payload.optionalText('instance_type'),
    metadata: {
      ...payload.pick([...sameInBothForms, ...figures, 'disk_gb', 'image_ref_url', 'instance_flavor_id']),
      instance_type: payload.value('instance_type_id'),
      event_type: eventType,
      host: publisherId,
    },
    auditPeriod: () => readPeriod(payload),
  };
}

/** Versions 1 and 2 of the payloads, which do not differ in any field that is read here. */
function readVersioned({ publisherId, payload }: Notification, eventType: string): InstanceEvent {
  const instance = new PayloadReader(payload).inner('nova_object.data');
  const flavor = instance.inner('flavor').inner('nova_object.data');
  return {
    eventType,
    instanceId: instance.text('uuid'),
    instance,
    flavor,
    flavorName: () => flavor.optionalText('name'),
    metadata: {
      ...instance.pick(sameInBothForms),
      ...flavor.pick(figures),
      disk_gb: sum(flavor.value('root_gb'), flavor.value('ephemeral_gb')),
      image_ref_url: instance.value('image_uuid'),
      instance_flavor_id: flavor.value('flavorid'),
      // This form does not contain the flavor's database id.
      instance_type: flavor.value('flavorid'),
      event_type: eventType,
      host: unversionedPublisher(publisherId),
    },
    auditPeriod: () =>
      instance.value('audit_period') === null
        ? null
        : readPeriod(instance.inner('audit_period').inner('nova_object.data')),
  };
}

/** `nova-compute:HOST` is `compute.HOST` in the unversioned form. */
export function unversionedPublisher(publisherId: string): string {
  return publisherId.replace(/^nova-([^:]+):/, '$1.');
}

/** Nova's `disk_gb` in the unversioned form is this sum. */
function sum(left: MetadataValue, right: MetadataValue): number | null {
  return typeof left === 'number' && typeof right === 'number' ? left + right : null;
}

/** Whole seconds: for an end that is not a full hour, the versioned form has no higher precision. */
function readPeriod(fields: PayloadReader): readonly [bigint, bigint] | null {
  const beginning = fields.optionalText('audit_period_beginning');
  const ending = fields.optionalText('audit_period_ending');
  return beginning === null || ending === null ? null : [toSeconds(beginning), toSeconds(ending)];
}

const toSeconds = (time: string) => parseTimestamp(time) / 1_000_000_000n;
