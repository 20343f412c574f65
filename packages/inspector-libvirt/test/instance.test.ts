import { readFileSync } from 'node:fs';

import type { PowerState } from '@nephoscope/core/instance';

import { parseDomainXml } from '../src/domain-xml.js';
import type { DomainDescription } from '../src/domain-xml.js';
import { instanceOf, powerStates } from '../src/instance.js';
import { ownerOf } from '../src/owner.js';

const described = (name: string): DomainDescription =>
  parseDomainXml(readFileSync(new URL(`cases/${name}.xml`, import.meta.url), 'utf8'));
const domain = { name: 'instance-00001011', uuid: '735e15e6-afc3-41b0-8ef8-11cefa19dd8b', id: 44 };
const boot = 'b00t';
const owner = { userId: 'u', projectId: 'p' };

describe('instanceOf', () => {
  it('has the facts that nova wrote', () => {
    const instance = instanceOf(domain, described('nova-1011'), 'running', owner, boot);
    expect(instance).toEqual({
      id: domain.uuid,
      name: domain.name,
      displayName: 'lab-a3',
      userId: 'u',
      projectId: 'p',
      flavor: { name: 'm2.lab', id: undefined, vcpus: 2, memoryMb: 96, diskGb: 2, ephemeralGb: 1, swapMb: 64 },
      state: 'running',
      run: 'b00t/44',
      vcpus: 2,
      memoryMb: 96,
      imageId: 'd9392138-b64c-4f17-9e05-72b3a9f6310c',
      createdAt: '2026-11-22 22:15:25',
      architecture: 'x86_64',
      osType: 'hvm',
    });
    expect(Object.isFrozen(instance)).toBe(true);
  });

  it("has libvirt's facts if nova wrote none", () => {
    expect(instanceOf(domain, described('nwfilter'), 'running', owner, boot)).toMatchObject({
      ...{ displayName: domain.name, flavor: undefined, memoryMb: 512, vcpus: 2 },
      ...{ imageId: undefined, createdAt: undefined },
    });
  });

  it("has the states for libvirt's numbers", () => {
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

  it('is unknown if no rule matches', () => {
    expect(ownerOf(domain, described('bare'), [])).toEqual({ userId: null, projectId: null });
  });
});
