import { createHash } from 'node:crypto';

import type { Instance, PowerState } from '@nephoscope/core/instance';
import { exampleInstance } from '@nephoscope/testing';

import { InstanceMetadata } from '../src/instance-metadata.js';

const metadata = new InstanceMetadata('compute-1');
const metadataOf = (instance: Instance) => metadata.of(instance);

const flavor = { name: 'm2.lab', id: undefined, vcpus: 2, memoryMb: 96, diskGb: 2, ephemeralGb: 1, swapMb: 64 };
const known = exampleInstance({
  ...{ id: 'id', name: 'instance-1', displayName: 'lab-a3', projectId: 'p', flavor, imageId: 'image-1' },
  ...{ vcpus: 9, memoryMb: 9, createdAt: '2026-11-22 22:15:25', architecture: 'x86_64', osType: 'hvm' },
});

it("has Ceilometer's keys, and an empty text for what is unknown", () => {
  expect(metadataOf(known)).toEqual({
    display_name: 'lab-a3',
    name: 'instance-1',
    instance_id: 'id',
    instance_type: 'm2.lab',
    host: createHash('sha224').update('pcompute-1').digest('hex'),
    instance_host: 'compute-1',
    flavor: { id: null, name: 'm2.lab', vcpus: 2, ram: 96, disk: 2, ephemeral: 1, swap: 64 },
    status: 'active',
    state: 'running',
    task_state: '',
    reservation_id: '',
    architecture: 'x86_64',
    availability_zone: '',
    image: { id: 'image-1' },
    image_ref: 'image-1',
    image_ref_url: '',
    kernel_id: '',
    os_type: 'hvm',
    ramdisk_id: '',
    created_at: '2026-11-22 22:15:25',
    disk_gb: 2,
    ephemeral_gb: 1,
    memory_mb: 96,
    root_gb: 2,
    vcpus: 2,
  });
});

it("has the hypervisor's figures if no flavor gives them", () => {
  expect(metadataOf(exampleInstance({ flavor: undefined, vcpus: 2, memoryMb: 512 }))).toMatchObject({
    ...{ flavor: null, instance_type: '', memory_mb: 512, vcpus: 2 },
    ...{ disk_gb: '', image: null, image_ref: '', created_at: '' },
  });
  expect(metadataOf(exampleInstance({ flavor: undefined }))).toMatchObject({ memory_mb: '', vcpus: '' });
});

it("prefers the cloud's facts to derived ones", () => {
  const cloud = {
    ...{ host: 'nova-host', hostId: 'hash', flavorId: '42', status: 'shelved', taskState: 'resize_prep' },
    ...{ availabilityZone: 'az', reservationId: 'r-1', kernelId: 'k', ramdiskId: 'r' },
  };
  expect(metadataOf(exampleInstance({ flavor: undefined, cloud }))).toMatchObject({
    ...{ instance_host: 'nova-host', host: 'hash', instance_type: '42', status: 'shelved' },
    ...{
      task_state: 'resize_prep',
      availability_zone: 'az',
      reservation_id: 'r-1',
      kernel_id: 'k',
      ramdisk_id: 'r',
    },
  });
  expect(metadataOf(exampleInstance({ cloud: { ...cloud, host: '', hostId: '' } }))).toMatchObject({
    instance_host: 'compute-1',
    host: expect.stringMatching(/^[0-9a-f]{56}$/) as unknown,
  });
});

it.each([
  ['nostate', 'building'],
  ['running', 'active'],
  ['blocked', 'active'],
  ['paused', 'paused'],
  ['shutdown', 'active'],
  ['shutoff', 'stopped'],
  ['crashed', 'error'],
  ['pmsuspended', 'suspended'],
] satisfies [PowerState, string][])('%s corresponds to %s in nova', (state, status) => {
  expect(metadataOf(exampleInstance({ state }))).toMatchObject({ state, status });
});

it('is the same frozen object for an unchanged instance, even if that was copied', () => {
  const first = metadataOf(known);
  expect(Object.isFrozen(first)).toBe(true);
  expect(metadataOf(known)).toBe(first);
  expect(metadataOf({ ...known, flavor: { ...flavor } })).toBe(first);
  expect(metadataOf({ ...known, flavor: { ...flavor, vcpus: 4 } })).toMatchObject({ vcpus: 4 });
});

it('is discarded with the instance', () => {
  const [one, two] = ['one', 'two'].map((id) => exampleInstance({ id }));
  const before = [metadataOf(one!), metadataOf(two!)];
  metadata.forgetOthers(new Set(['two']));
  expect(metadataOf(two!)).toBe(before[1]);
  expect(metadataOf(one!)).not.toBe(before[0]);
});
