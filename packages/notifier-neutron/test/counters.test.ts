import type { Metadata } from '@nephoscope/core';
import { counterLine, exampleNotification } from '@nephoscope/testing';

import { capture, captureNames } from './captures.js';
import { count } from './count.js';

const alpha = '909c4662f43441bcb7e3bece767e7d73';
const beta = '78ff5c929d044587adff2dc9ae0e7a31';
const alice = 'c70bb536733a4dea97df02c5456070fd';
const bob = 'ea65fc1a9516441e9ed6afe746fe320c';
const novasUser = '04b4bfb958384c39b348a3e6e85c390e';

/** The gauge and, for a change, the counter of that change. */
const lines = (meter: string, unit: string, resource: string, change?: string): string[] => [
  `${meter} gauge 1 ${unit}, ${resource}`,
  ...(change === undefined ? [] : [`${meter}.${change} delta 1 ${unit}, ${resource}`]),
];

const floatingip = `01a9c082-0a7b-4e68-8cea-f750a766e0fd of ${alpha} by ${alice}`;
const router = `b74ffa47-e587-4996-beaf-8479d401adf9 of ${alpha} by ${alice}`;
const shortNet = `57eccc05-c0cb-4e43-a071-4191093a478b of ${alpha} by ${alice}`;
const shortSubnet = `d707ff42-1a73-46ea-a6e9-25ff49b2feb7 of ${alpha} by ${alice}`;

const bulk = ['f9972dfa-3437-4382-b36e-12bd030484dc', '2cf208e0-6420-453d-bf60-8c3451b979cc'].map(
  (id) => `${id} of c134e3aa3b4d41ceac7adfff63b88324 by 9879246347d146829380d61d2348b89d`,
);

/** The expected counters of each recorded notification, except those in `none`. */
const counted: Readonly<Record<string, readonly string[]>> = {
  'neutron.floatingip.create.end': lines('ip.floating', 'ip', floatingip, 'create'),
  'neutron.floatingip.update.end': lines('ip.floating', 'ip', floatingip, 'update'),
  'neutron.floatingip.delete.end': lines('ip.floating', 'ip', floatingip, 'delete'),
  'neutron.floatingip.exists': lines(
    'ip.floating',
    'ip',
    `6aef2bc6-a924-455e-a932-6897ee0f4ba6 of ${alpha} by null`,
  ),
  'neutron.network.create.end': lines(
    'network',
    'network',
    `24c60654-ef9c-4088-ad37-a1ec79fd7972 of ${beta} by ${bob}`,
    'create',
  ),
  'neutron.network.create.end.bulk': bulk.flatMap((network) => lines('network', 'network', network, 'create')),
  'neutron.network.update.end': lines('network', 'network', shortNet, 'update'),
  'neutron.network.delete.end': lines('network', 'network', shortNet, 'delete'),
  'neutron.network.exists': lines('network', 'network', `24c60654-ef9c-4088-ad37-a1ec79fd7972 of ${beta} by null`),
  'neutron.port.create.end': lines(
    'port',
    'port',
    `c719dab1-e56b-46c4-911a-27f6da7d192e of ${alpha} by ${alice}`,
    'create',
  ),
  'neutron.port.update.end': lines(
    'port',
    'port',
    `c719dab1-e56b-46c4-911a-27f6da7d192e of ${alpha} by ${novasUser}`,
    'update',
  ),
  'neutron.port.delete.end': lines(
    'port',
    'port',
    `4b4ee564-fa10-4566-a034-f604cdc3dcd5 of ${alpha} by ${alice}`,
    'delete',
  ),
  'neutron.port.exists': lines('port', 'port', `03517920-c48d-4a16-9e8c-97f0f945aca1 of ${alpha} by null`),
  'neutron.router.create.end': lines('router', 'router', router, 'create'),
  'neutron.router.update.end': lines('router', 'router', router, 'update'),
  'neutron.router.delete.end': lines('router', 'router', router, 'delete'),
  'neutron.router.exists': lines('router', 'router', `6d52bdc8-70cd-4447-be28-734f5c7c25da of ${alpha} by null`),
  'neutron.subnet.create.end': lines(
    'subnet',
    'subnet',
    `bb002052-5e5d-46e5-b501-a7bebbc2ecd1 of ${beta} by ${bob}`,
    'create',
  ),
  'neutron.subnet.update.end': lines('subnet', 'subnet', shortSubnet, 'update'),
  'neutron.subnet.delete.end': lines('subnet', 'subnet', shortSubnet, 'delete'),
  'neutron.subnet.exists': lines('subnet', 'subnet', `7785bd22-153d-4e50-82c3-9c9a8f3daac1 of ${alpha} by null`),
};

/** Recordings without counters. */
const none = [
  ...['floatingip', 'network', 'port', 'router', 'subnet'].flatMap((resource) =>
    ['create', 'update', 'delete'].map((change) => `neutron.${resource}.${change}.start`),
  ),
  'neutron.network.create.start.bulk',
  'neutron.l3.meter',
  'neutron.metering_label.create.end',
  'neutron.metering_label.create.start',
  'neutron.metering_label_rule.create.end',
  'neutron.metering_label_rule.create.start',
  'neutron.router.interface.create',
  'neutron.router.interface.delete',
  'neutron.security_group.create.end',
  'neutron.security_group.create.start',
  'neutron.security_group.delete.end',
  'neutron.security_group.delete.start',
  'neutron.security_group_rule.create.end',
  'neutron.security_group_rule.create.start',
  'neutron.security_group_rule.delete.end',
  'neutron.security_group_rule.delete.start',
];

it('covers every recorded notification', () => {
  expect(captureNames).toEqual([...Object.keys(counted), ...none].sort());
});

it.each(Object.entries(counted))('%s', (name, expected) => {
  expect(count(capture(name)).map(counterLine)).toEqual(expected);
});

it.each(none)('%s yields nothing', (name) => {
  expect(count(capture(name))).toEqual([]);
});

const metadata: Readonly<Record<string, Metadata>> = {
  'neutron.network.create.end': {
    status: 'ACTIVE',
    subnets: [],
    name: 'beta-net',
    'router:external': false,
    admin_state_up: true,
    shared: false,
  },
  'neutron.subnet.create.end': {
    name: 'beta-v4',
    enable_dhcp: false,
    network_id: '24c60654-ef9c-4088-ad37-a1ec79fd7972',
    dns_nameservers: [],
    allocation_pools: [{ start: '10.99.0.2', end: '10.99.0.254' }],
    host_routes: [],
    ip_version: 4,
    gateway_ip: '10.99.0.1',
    cidr: '10.99.0.0/24',
  },
  'neutron.port.update.end': {
    status: 'DOWN',
    name: '',
    admin_state_up: true,
    network_id: 'b3fa987b-6025-4bc4-be88-9b5c7d351a19',
    device_owner: 'compute:nova',
    mac_address: 'fa:16:3e:e8:c2:71',
    fixed_ips: [{ subnet_id: '7785bd22-153d-4e50-82c3-9c9a8f3daac1', ip_address: '10.77.0.41' }],
    device_id: '59eadb7f-f7df-4da1-b22f-010d243c238b',
  },
  'neutron.router.exists': {
    status: 'ACTIVE',
    external_gateway_info: {
      network_id: '70324129-ced0-40e9-8a0a-cf2527aaa8fa',
      external_fixed_ips: [{ subnet_id: 'bf47331d-502e-4157-a06e-ec8d3031ee56', ip_address: '198.51.100.75' }],
      enable_snat: true,
    },
    admin_state_up: true,
    name: 'alpha-router',
  },
  'neutron.floatingip.delete.end': {
    router_id: null,
    floating_network_id: '70324129-ced0-40e9-8a0a-cf2527aaa8fa',
    fixed_ip_address: null,
    floating_ip_address: '198.51.100.139',
    port_id: null,
  },
};

it.each(Object.entries(metadata))('%s has its metadata', (name, expected) => {
  const notification = capture(name);
  const whole = { ...expected, event_type: notification.eventType, host: 'network.oslab-compute-1' };
  for (const { resourceMetadata } of count(notification)) expect(resourceMetadata).toEqual(whole);
});

it('has the time of the notification', () => {
  const times = count(capture('neutron.router.exists')).map(({ timestamp }) => timestamp);
  expect(times).toEqual([1_795_384_305_435_764_000n]);
});

it('counts each resource of a bulk creation', () => {
  const payload = {
    networks: [
      { id: 'n-1', tenant_id: 'p-1', name: 'one' },
      { id: 'n-2', project_id: 'p-2', name: 'two' },
    ],
  };
  const given = exampleNotification({ eventType: 'network.create.end', payload, context: { user_id: 'u-1' } });
  const counters = count(given);
  expect(counters.map(counterLine)).toEqual([
    ...lines('network', 'network', 'n-1 of p-1 by u-1', 'create'),
    ...lines('network', 'network', 'n-2 of p-2 by u-1', 'create'),
  ]);
  expect(counters.map(({ resourceMetadata }) => resourceMetadata['name'])).toEqual(['one', 'one', 'two', 'two']);
});

it('counts nothing for an empty bulk creation', () => {
  expect(count(exampleNotification({ eventType: 'port.create.end', payload: { ports: [] } }))).toEqual([]);
});

it.each([{ floatingip_id: 'f-1' }, { floatingip_id: 'f-1', floatingip: {} }])(
  'counts a deletion for which neutron sends only %j',
  (payload) => {
    const given = exampleNotification({
      eventType: 'floatingip.delete.end',
      payload,
      context: { user_id: 'u-1' },
    });
    const counters = count(given);
    expect(counters.map(counterLine)).toEqual(lines('ip.floating', 'ip', 'f-1 of null by u-1', 'delete'));
    expect(counters[0]?.resourceMetadata).toEqual({
      router_id: null,
      floating_network_id: null,
      fixed_ip_address: null,
      floating_ip_address: null,
      port_id: null,
      event_type: 'floatingip.delete.end',
      host: 'compute.compute-1',
    });
  },
);

it('has no project for a resource without an owner', () => {
  const payload = { network: { id: 'n-1', tenant_id: '', project_id: '' } };
  const counters = count(exampleNotification({ eventType: 'network.exists', payload }));
  expect(counters.map(counterLine)).toEqual(lines('network', 'network', 'n-1 of null by null'));
});
