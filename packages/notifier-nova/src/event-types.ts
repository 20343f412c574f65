/**
 * Events with the instance's flavor as it is from now on, by the unversioned form's names after `compute.instance.`:
 * Ceilometer's three, and the three after which a resize took place, is confirmed or is reverted. `resize.end` is not
 * included: it is sent by the source host, with the old flavor.
 */
export const flavorEvents = [
  'create.end',
  'exists',
  'delete.start',
  'finish_resize.end',
  'resize.confirm.end',
  'resize.revert.end',
] as const;

/** These, and events that change the state or image in which an instance is billed, but none of its figures. */
export const stateEvents = [
  ...flavorEvents,
  'power_off.end',
  'power_on.end',
  'pause.end',
  'unpause.end',
  'suspend.end',
  'resume.end',
  'shelve.end',
  'shelve_offload.end',
  'unshelve.end',
  'rebuild.end',
  'soft_delete.end',
  'restore.end',
] as const;

export type InstanceEventName = (typeof stateEvents)[number];

const renamed: Partial<Record<InstanceEventName, string>> = {
  'finish_resize.end': 'resize_finish.end',
  'resize.confirm.end': 'resize_confirm.end',
  'resize.revert.end': 'resize_revert.end',
};

export const unversionedType = (name: InstanceEventName) => `compute.instance.${name}`;
export const versionedType = (name: InstanceEventName) => `instance.${renamed[name] ?? name}`;

const unversionedTypes = new Map(stateEvents.map((name) => [versionedType(name), unversionedType(name)]));

/** The unversioned event type for a versioned one; undefined for any other. */
export const unversionedTypeOf = (eventType: string) => unversionedTypes.get(eventType);
