import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { PowerState } from '@nephoscope/core';

import { parseDomainXml } from '../src/domain-xml.js';
import type { DomainDescription } from '../src/domain-xml.js';
import { instanceOf, powerStates } from '../src/instance.js';
import { ownerOf } from '../src/owner.js';

const described = (name: string): DomainDescription =>
  parseDomainXml(readFileSync(new URL(`cases/${name}.xml`, import.meta.url), 'utf8'));
const domain = { name: 'instance-00001011', uuid: '735e15e6-afc3-41b0-8ef8-11cefa19dd8b', id: 44 };
const place = { host: 'compute-1', boot: 'b00t' };
const owner = { userId: 'u', projectId: 'p' };

describe('instanceOf', () => {
  it('has what nova wrote', () => {
    const instance = instanceOf(domain, described('nova-1011'), 'running', owner, place);
    expect(instance).toEqual({
      id: domain.uuid,
      name: domain.name,
      displayName: 'lab-a3',
      userId: 'u',
      projectId: 'p',
      flavor: { name: 'm2.lab', id: undefined, vcpus: 2, memoryMb: 96, diskGb: 2, ephemeralGb: 1, swapMb: 64 },
      state: 'running',
      run: 'b00t/44',
      metadata: {
        display_name: 'lab-a3',
        name: domain.name,
        instance_id: domain.uuid,
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
        image: { id: 'd9392138-b64c-4f17-9e05-72b3a9f6310c' },
        image_ref: 'd9392138-b64c-4f17-9e05-72b3a9f6310c',
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
      },
    });
    expect(Object.isFrozen(instance) && Object.isFrozen(instance.metadata)).toBe(true);
  });

  it('has what libvirt knows where nova wrote nothing', () => {
    const { displayName, flavor, metadata } = instanceOf(domain, described('nwfilter'), 'running', owner, place);
    expect({ displayName, flavor }).toEqual({ displayName: domain.name, flavor: undefined });
    expect(metadata).toMatchObject({
      flavor: null,
      instance_type: '',
      memory_mb: 512,
      vcpus: 2,
      disk_gb: '',
      image: null,
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
  ] satisfies [PowerState, string][])('%s is %s to nova', (state, status) => {
    expect(instanceOf(domain, described('bare'), state, owner, place).metadata).toMatchObject({ state, status });
  });

  it('has the states by the numbers of libvirt', () => {
    expect(
      ['nostate', 'running', 'paused', 'shutoff', 'pmsuspended'].map((state) =>
        powerStates.indexOf(state as PowerState),
      ),
    ).toEqual([0, 1, 3, 5, 7]);
  });
});

describe('ownerOf', () => {
  const mapped = [
    { name: 'instance-*', projectId: 'mapped' },
    { name: '*', projectId: 'rest', userId: 'someone' },
  ];

  it.each([
    [
      'nova-1011',
      domain.name,
      { userId: 'c70bb536733a4dea97df02c5456070fd', projectId: '909c4662f43441bcb7e3bece767e7d73' },
    ],
    ['nova-incomplete', domain.name, { userId: null, projectId: null }],
    ['nwfilter', domain.name, { userId: null, projectId: 'mapped' }],
    ['nwfilter', 'other', { userId: 'someone', projectId: 'rest' }],
  ])('%s, named %s', (xml, name, expected) => {
    expect(ownerOf({ ...domain, name }, described(xml), mapped)).toEqual(expected);
  });

  it('is unknown where nothing matches', () => {
    expect(ownerOf(domain, described('bare'), [])).toEqual({ userId: null, projectId: null });
  });
});
