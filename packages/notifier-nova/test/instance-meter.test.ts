import type { ServiceSettings } from '@nephoscope/core';
import { notificationHandlerContract } from '@nephoscope/testing';

import { flavorEvents, stateEvents } from '../src/event-types.js';
import { capturedNotification, withNovaObject, withPayload } from './captured.js';
import { allCounters, createHandler, pluginNames, plugins, volumes } from './plugins.js';
import type { PluginName } from './plugins.js';

const contracts: readonly (readonly [PluginName, string, number])[] = [
  ['instance', 'instance', 1],
  ['memory', 'memory', 64],
  ['vcpus', 'vcpus', 1],
  ['diskRootSize', 'disk.root.size', 1],
  ['diskEphemeralSize', 'disk.ephemeral.size', 0],
  ['instanceFlavor', 'instance:m1.lab', 1],
];

for (const [plugin, name, volume] of contracts) {
  notificationHandlerContract(plugin, plugins[plugin], {
    notifications: [
      'compute.instance.create.end',
      'compute.instance.exists',
      'compute.instance.delete.start',
      'instance.create.end',
      'instance.exists',
      'instance.delete.start',
    ].map((type) => ({ given: capturedNotification(type), expect: [{ name, volume }] })),
  });
}

it("has Ceilometer's names, types and units", () => {
  const meters = Object.values(plugins).flatMap((plugin) => plugin.meters);
  expect(meters.map(({ name, type, unit }) => `${name} ${type} ${unit}`).sort()).toEqual([
    'compute.instance.booting.time gauge sec',
    'compute.node.cpu.frequency gauge MHz',
    'compute.node.cpu.idle.percent gauge percent',
    'compute.node.cpu.idle.time cumulative ns',
    'compute.node.cpu.iowait.percent gauge percent',
    'compute.node.cpu.iowait.time cumulative ns',
    'compute.node.cpu.kernel.percent gauge percent',
    'compute.node.cpu.kernel.time cumulative ns',
    'compute.node.cpu.percent gauge percent',
    'compute.node.cpu.user.percent gauge percent',
    'compute.node.cpu.user.time cumulative ns',
    'disk.ephemeral.size gauge GB',
    'disk.root.size gauge GB',
    'instance gauge instance',
    'instance:<flavor> gauge instance',
    'memory gauge MB',
    'vcpus gauge vcpu',
  ]);
});

it('copies these fields to the metadata, and no others', () => {
  const [counter] = allCounters(capturedNotification('compute.instance.create.end'));
  expect(counter?.resourceMetadata).toEqual({
    display_name: 'lab-a1',
    reservation_id: 'r-n091ryfd',
    architecture: null,
    availability_zone: 'nova',
    image_ref_url: 'http://127.0.0.1:9292/images/d9392138-b64c-4f17-9e05-72b3a9f6310c',
    kernel_id: '',
    os_type: null,
    ramdisk_id: '',
    disk_gb: 1,
    ephemeral_gb: 0,
    memory_mb: 64,
    root_gb: 1,
    vcpus: 1,
    state: 'active',
    instance_flavor_id: 'm1lab',
    instance_type: 1,
    event_type: 'compute.instance.create.end',
    host: 'compute.oslab-compute-1',
  });
});

it('counts a deleted instance that still exists for the audit', () => {
  const notification = withPayload(capturedNotification('compute.instance.exists'), { state: 'deleted' });
  expect(volumes(allCounters(notification))).toEqual({
    instance: 1,
    'instance:m1.lab': 1,
    memory: 64,
    vcpus: 1,
    'disk.root.size': 1,
    'disk.ephemeral.size': 0,
  });
});

it('accepts a payload of 2012, which has no instance_flavor_id', () => {
  const notification = withPayload(capturedNotification('compute.instance.create.end'), {
    instance_flavor_id: undefined,
    root_gb: 2n ** 60n,
  });
  expect(allCounters(notification).find(({ name }) => name === 'disk.root.size')).toMatchObject({
    volume: 2n ** 60n,
    resourceMetadata: { instance_flavor_id: null, instance_type: 1 },
  });
});

describe('an instance without the name of its flavor', () => {
  it.each([
    withPayload(capturedNotification('compute.instance.exists'), { instance_type: undefined }),
    withPayload(capturedNotification('compute.instance.exists'), { instance_type: '' }),
    withNovaObject(capturedNotification('instance.exists'), ['nova_object.data', 'flavor', 'nova_object.data'], {
      name: undefined,
    }),
  ])('is counted, but not by flavor (%#)', (notification) => {
    const names = allCounters(notification).map(({ name }) => name);
    expect(names).toHaveLength(5);
    expect(names).not.toContainEqual(expect.stringContaining(':'));
  });
});

describe('required fields', () => {
  const flavor = ['nova_object.data', 'flavor', 'nova_object.data'];
  it.each([
    ['memory', 'memory_mb'],
    ['vcpus', 'vcpus'],
    ['diskRootSize', 'root_gb'],
    ['diskEphemeralSize', 'ephemeral_gb'],
  ] as const)('plugin %s requires %s, and no other one does', (plugin, field) => {
    for (const value of [undefined, null, '64', -1, true, [], {}]) {
      for (const [notification, path] of [
        [withPayload(capturedNotification('compute.instance.exists'), { [field]: value }), `payload.${field}`],
        [
          withNovaObject(capturedNotification('instance.exists'), flavor, { [field]: value }),
          `payload.nova_object.data.flavor.nova_object.data.${field}`,
        ],
      ] as const) {
        expect(() => [...createHandler(plugin).processNotification(notification)]).toThrow(
          expect.objectContaining({ code: 'NOTIFICATION_FIELD', message: expect.stringContaining(path) }),
        );
        const others = pluginNames.filter((name) => name !== plugin);
        for (const other of others)
          expect([...createHandler(other).processNotification(notification)]).toHaveLength(1);
      }
    }
  });

  it.each(['instance_id', 'tenant_id', 'user_id'])('all plugins require %s', (field) => {
    for (const value of [undefined, null, '', 5, {}]) {
      const notification = withPayload(capturedNotification('compute.instance.delete.start'), { [field]: value });
      for (const name of pluginNames)
        expect(() => [...createHandler(name).processNotification(notification)]).toThrow(
          expect.objectContaining({
            code: 'NOTIFICATION_FIELD',
            message: expect.stringContaining(`payload.${field}`),
          }),
        );
    }
  });

  it('all plugins require the flavor of the versioned form', () => {
    const notification = withNovaObject(capturedNotification('instance.exists'), ['nova_object.data'], {
      flavor: 'm1.lab',
    });
    for (const name of pluginNames)
      expect(() => [...createHandler(name).processNotification(notification)]).toThrow(
        expect.objectContaining({
          code: 'NOTIFICATION_FIELD',
          message: expect.stringContaining('payload.nova_object.data.flavor'),
        }),
      );
  });
});

describe('the settings of nova', () => {
  const listening = (service: ServiceSettings) =>
    createHandler('instance', service).exchangeTopics({ notificationTopics: ['notifications', 'telemetry'] });
  const { eventTypes } = createHandler('memory');

  it('select both forms by default', () => {
    expect(listening({})).toEqual([
      {
        exchange: 'nova',
        topics: ['notifications.info', 'telemetry.info', 'versioned_notifications.info'],
      },
    ]);
    expect(eventTypes).toHaveLength(2 * flavorEvents.length);
    expect(createHandler('instance').eventTypes).toHaveLength(2 * stateEvents.length);
  });

  it.each([
    ['unversioned', 'compute.instance.', ['notifications.info', 'telemetry.info']],
    ['versioned', 'instance.', ['versioned_notifications.info']],
  ] as const)('with format %s select only that form', (format, prefix, topics) => {
    expect(listening({ format })).toEqual([{ exchange: 'nova', topics }]);
    const types = createHandler('memory', { format }).eventTypes;
    expect(types).toHaveLength(flavorEvents.length);
    expect(types).toEqual(eventTypes.filter((type) => type.startsWith(prefix)));
  });

  it('determine exchanges and topics', () => {
    expect(listening({ exchange: ['openstack', 'nova'], topics: ['v', 'telemetry', 'v'] })).toEqual(
      ['openstack', 'nova'].map((exchange) => ({ exchange, topics: ['v.info', 'telemetry.info'] })),
    );
  });

  it('are no longer options of each plugin, but are set once', () => {
    for (const plugin of Object.values(plugins))
      for (const [key, value] of [
        ['exchange', 'nova'],
        ['publishers', ['compute.*']],
        ['format', 'versioned'],
        ['versionedTopics', ['v']],
      ] as const)
        expect(plugin.options.safeParse({ [key]: value }).error?.issues[0]?.message).toMatch(
          /^is set once for all plugins: write services\.nova\.(exchange|publishers|format|topics)/,
        );
  });
});
