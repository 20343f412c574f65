import { readFileSync } from 'node:fs';

import type { Instance } from '@nephoscope/core/instance';
import libvirt from '@nephoscope/inspector-libvirt';
import { FakeLibvirtd } from '@nephoscope/libvirt/testing';
import { systemClock } from '@nephoscope/runtime';
import { RecordingLogger } from '@nephoscope/testing';

import { novaInstance } from '../../src/discovery/nova-instance.js';
import { InstanceMetadata } from '../../src/instance-metadata.js';
import { readFlavor, readServer } from '../../src/discovery/server.js';

import { flavors, server, serversOfHost } from './fake-nova.js';

const names = ['instance-00001000', 'instance-00001001', 'instance-00001002'];
let instances: readonly Instance[];

beforeAll(async () => {
  const daemon = await FakeLibvirtd.listen();
  daemon.handle('connectGetUri', () => 'qemu:///system');
  daemon.domains = names.map((name, at) => {
    const [, uuid = ''] = /<uuid>(.*)<\/uuid>/.exec(xml(name)) ?? [];
    return { name, uuid, id: 20 + at, xml: xml(name), stats: { 'state.state': 1 } };
  });
  const options = libvirt.options.parse({ uri: daemon.uri });
  const inspector = libvirt.create({ options, logger: new RecordingLogger(), clock: systemClock, host: 'h' });
  const { signal } = new AbortController();
  await inspector.start(signal);
  const readings = await inspector.inspect(new Set(), signal);
  instances = readings.map(({ instance }) => instance);
  await inspector.stop();
  await daemon.close();
});

const fromLibvirt = (uuid: string): Instance => {
  const found = instances.find(({ id }) => id === uuid);
  if (found === undefined) throw new Error(`No domain has the uuid ${uuid}`);
  return found;
};

const metadata = new InstanceMetadata('oslab-compute-1');
const metadataOf = (instance: Instance) => metadata.of(instance);

function xml(name: string): string {
  return readFileSync(new URL(`captures/${name}.xml`, import.meta.url), 'utf8');
}

const listed = readFlavor(flavors.find(({ id }) => id === 'm1lab') ?? {});

it.each(serversOfHost.map((one) => [String(one['name']), one] as const))(
  'has the same facts from nova and from its domain, except those that only one of them knows: %s',
  (_, json) => {
    const hypervisor = fromLibvirt(String(json['id']));
    const nova = novaInstance(hypervisor, readServer(json), listed);
    const [byNova, byLibvirt] = [metadataOf(nova), metadataOf(hypervisor)];
    const { cloud, ...facts } = nova;
    expect(facts).toEqual({
      ...hypervisor,
      flavor: { ...hypervisor.flavor, id: 'm1lab' },
      createdAt: json['created'],
    });
    expect(cloud).toMatchObject({ host: 'oslab-compute-1', flavorId: 'm1lab', status: 'active' });
    expect(Object.keys(byNova)).toEqual(Object.keys(byLibvirt));
    // nova's id of the flavor, and when the instance was created rather than its domain defined.
    expect(byNova).toEqual({
      ...byLibvirt,
      instance_type: 'm1lab',
      flavor: { ...(byLibvirt['flavor'] as object), id: 'm1lab' },
      availability_zone: 'nova',
      created_at: json['created'],
    });
    expect(Object.isFrozen(nova) && Object.isFrozen(byNova)).toBe(true);
  },
);

it('has the fields of newer microversions', () => {
  const json = server('lab-a1', {
    'OS-EXT-SRV-ATTR:reservation_id': 'r-n091ryfd',
    'OS-EXT-SRV-ATTR:kernel_id': 'k',
    'OS-EXT-SRV-ATTR:ramdisk_id': 'r',
    'OS-EXT-STS:task_state': 'resize_prep',
  });
  expect(metadataOf(novaInstance(fromLibvirt(String(json['id'])), readServer(json), listed))).toMatchObject({
    reservation_id: 'r-n091ryfd',
    kernel_id: 'k',
    ramdisk_id: 'r',
    task_state: 'resize_prep',
  });
});

it("uses the domain's figures for a flavor that nova no longer lists", () => {
  const json = server('lab-a1', { flavor: { id: 'gone', links: [] } });
  const instance = novaInstance(fromLibvirt(String(json['id'])), readServer(json), undefined);
  expect(instance.flavor).toMatchObject({ id: 'gone', name: 'm1.lab', memoryMb: 64 });
  expect(metadataOf(instance)).toMatchObject({ instance_type: 'gone', memory_mb: 64, vcpus: 1 });
});

it('accepts an instance without image (nova returns "")', () => {
  const json = server('lab-a1', { image: '' });
  expect(metadataOf(novaInstance(fromLibvirt(String(json['id'])), readServer(json), listed))).toMatchObject({
    image: null,
    image_ref: '',
  });
});

it.each(['id', 'tenant_id', 'user_id'])('refuses a server without %s', (key) => {
  expect(() => readServer(server('lab-a1', { [key]: null }))).toThrow(key);
});
