import { parseTimestamp } from '@nephoscope/core';
import { wildcards } from '@nephoscope/core/options';

import { captured } from './captured.js';
import { allCounters, createHandler, pluginNames, plugins, volumes } from './plugins.js';

const small = {
  name: 'm1.lab',
  figures: { memory: 64, vcpus: 1, 'disk.root.size': 1, 'disk.ephemeral.size': 0 },
  metadata: { instance_flavor_id: 'm1lab', memory_mb: 64, vcpus: 1, root_gb: 1, ephemeral_gb: 0, disk_gb: 1 },
};
const large = {
  name: 'm2.lab',
  figures: { memory: 96, vcpus: 2, 'disk.root.size': 2, 'disk.ephemeral.size': 1 },
  metadata: { instance_flavor_id: 'm2lab', memory_mb: 96, vcpus: 2, root_gb: 2, ephemeral_gb: 1, disk_gb: 3 },
};

type Flavor = typeof small;
const exists = ({ name }: Flavor) => ({ instance: 1, [`instance:${name}`]: 1 });
const whole = (flavor: Flavor) => ({ ...exists(flavor), ...flavor.figures });

/** The unversioned and the versioned name, the expected counters, and the state in the metadata. */
const counted = [
  ['create.end', 'create.end', small, whole(small), 'active'],
  ['exists', 'exists', small, whole(small), 'active'],
  ['delete.start', 'delete.start', small, whole(small), 'active'],
  ['finish_resize.end', 'resize_finish.end', large, whole(large), 'resized'],
  ['resize.confirm.end', 'resize_confirm.end', large, whole(large), 'active'],
  ['resize.revert.end', 'resize_revert.end', small, whole(small), 'active'],
  ['power_off.end', 'power_off.end', small, exists(small), 'stopped'],
  ['power_on.end', 'power_on.end', small, exists(small), 'active'],
  ['pause.end', 'pause.end', small, exists(small), 'paused'],
  ['unpause.end', 'unpause.end', small, exists(small), 'active'],
  ['suspend.end', 'suspend.end', small, exists(small), 'suspended'],
  ['resume.end', 'resume.end', small, exists(small), 'active'],
  ['shelve.end', 'shelve.end', large, exists(large), 'shelved'],
  ['shelve_offload.end', 'shelve_offload.end', large, exists(large), 'shelved_offloaded'],
  ['unshelve.end', 'unshelve.end', large, exists(large), 'active'],
  ['rebuild.end', 'rebuild.end', large, exists(large), 'active'],
] as const;

/** Captured, but not counted as an instance. */
const notCounted = [
  ...[
    'create.start',
    'delete.end',
    'finish_resize.start',
    'pause.start',
    'power_off.start',
    'power_on.start',
    'reboot.end',
    'reboot.start',
    'rebuild.scheduled',
    'rebuild.start',
    'resize.confirm.start',
    'resize.end',
    'resize.prep.end',
    'resize.prep.start',
    'resize.revert.start',
    'resize.start',
    'resume.start',
    'shelve.start',
    'shelve_offload.start',
    'shutdown.end',
    'shutdown.start',
    'snapshot.end',
    'snapshot.start',
    'suspend.start',
    'unpause.start',
    'unshelve.start',
    'update',
  ].map((name) => `compute.instance.${name}`),
  ...[
    'create.start',
    'delete.end',
    'interface_attach.end',
    'interface_attach.start',
    'interface_detach.start',
    'pause.start',
    'power_off.start',
    'power_on.start',
    'reboot.end',
    'reboot.start',
    'rebuild.start',
    'rebuild_scheduled',
    'resize.end',
    'resize.start',
    'resize_confirm.start',
    'resize_finish.start',
    'resize_prep.end',
    'resize_prep.start',
    'resize_revert.start',
    'resume.start',
    'shelve.start',
    'shelve_offload.start',
    'shutdown.end',
    'shutdown.start',
    'snapshot.end',
    'snapshot.start',
    'suspend.start',
    'unpause.start',
    'unshelve.start',
    'update',
  ].map((name) => `instance.${name}`),
  'compute.exception',
  'compute.libvirt.error',
  'compute.metrics.update',
  'compute_task.build_instances',
  'compute_task.build_instances.error',
  'detach_interface',
  'flavor.create',
  'flavor.delete',
  'libvirt.connect.error',
  'metrics.update',
  'reboot_instance',
  'scheduler.select_destinations.end',
  'scheduler.select_destinations.start',
  'service.update',
];

const unversioned = (eventType: string) =>
  captured.filter(({ notification }) => notification.eventType === eventType).map((item) => item.notification);

it('lists every captured event type as counted or not counted', () => {
  const named = [
    ...counted.flatMap(([name, versioned]) => [`compute.instance.${name}`, `instance.${versioned}`]),
    ...notCounted,
  ];
  expect([...new Set(captured.map(({ notification }) => notification.eventType))].sort()).toEqual(named.sort());
});

describe.each(counted)('%s (%s)', (name, versionedName, flavor, expected, state) => {
  const pair = [`compute.instance.${name}`, `instance.${versionedName}`].flatMap(unversioned);

  it('gives the same counters in both forms', () => {
    expect(pair).toHaveLength(2);
    for (const notification of pair) {
      const counters = allCounters(notification);
      expect(counters).toHaveLength(Object.keys(expected).length);
      expect(volumes(counters)).toEqual(expected);
      const instanceId = pair[0]?.payload['instance_id'];
      for (const counter of counters)
        expect(counter).toMatchObject({
          type: 'gauge',
          resourceId: instanceId,
          userId: pair[0]?.payload['user_id'],
          projectId: pair[0]?.payload['tenant_id'],
          timestamp: parseTimestamp(notification.timestamp),
          resourceMetadata: {
            ...flavor.metadata,
            state,
            event_type: `compute.instance.${name}`,
            host: 'compute.oslab-compute-1',
          },
        });
    }
  });

  it('gives the same metadata in both forms, except the flavor’s number in the database and the image’s URL', () => {
    const [first, second] = pair.map((notification) => allCounters(notification)[0]?.resourceMetadata);
    const imageId = 'd9392138-b64c-4f17-9e05-72b3a9f6310c';
    expect(first).toMatchObject({ image_ref_url: expect.stringContaining(imageId) });
    expect(second).toEqual({
      ...first,
      instance_type: flavor.metadata.instance_flavor_id,
      image_ref_url: imageId,
    });
  });
});

it.each(notCounted)('%s: nothing', (eventType) => {
  const notifications = unversioned(eventType);
  expect(notifications).not.toHaveLength(0);
  for (const notification of notifications) expect(allCounters(notification)).toEqual([]);
});

it("accepts nova's notifications, and nothing from another service's publisher", () => {
  for (const name of Object.keys(plugins) as (keyof typeof plugins)[]) {
    const { eventTypes, publishers = [] } = createHandler(name);
    const wanted = captured.filter(({ notification }) => wildcards(eventTypes)(notification.eventType));
    expect(wanted).not.toHaveLength(0);
    for (const { notification } of wanted)
      expect([notification.publisherId, wildcards(publishers)(notification.publisherId)]).toEqual([
        notification.publisherId,
        true,
      ]);
    for (const other of ['volume.host', 'network.host', 'compute', 'evil-compute:host'])
      expect([other, wildcards(publishers)(other)]).toEqual([other, false]);
    // The API publishes the deletion of an instance without a host.
    for (const own of ['api.host', 'nova-api:host', 'conductor.host', 'compute.host@nested'])
      expect([own, wildcards(publishers)(own)]).toEqual([own, true]);
    expect(createHandler(name, { publishers: ['compute.one'] }).publishers).toEqual(['compute.one']);
  }
});

it('consumes the topics of the counted notifications', () => {
  const types = new Set(
    counted.flatMap(([name, versioned]) => [`compute.instance.${name}`, `instance.${versioned}`]),
  );
  for (const { exchange, routingKey, notification } of captured) {
    if (!types.has(notification.eventType)) continue;
    for (const name of pluginNames) {
      const [listening] = createHandler(name).exchangeTopics({ notificationTopics: ['notifications'] });
      expect(listening?.exchange).toBe(exchange);
      expect(listening?.topics).toContain(routingKey);
    }
  }
});
