import { readFileSync } from 'node:fs';

import { asPlugin } from '@nephoscope/core';

import plugin, { LibvirtInspector } from '../src/index.js';
import { options } from '../src/options.js';

import { clock } from './support.js';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

it('is a plugin for the compute agent', () => {
  const found = asPlugin(plugin, 'compute.virt', 'here');
  const settings = { options: options.parse({}), logger: silent, clock, host: 'compute-1' };
  expect(found.create(settings)).toBeInstanceOf(LibvirtInspector);
});

it('has defaults for all options', () => {
  expect(options.parse({})).toEqual({ hypervisor: 'kvm', deadline: 1, owners: [] });
});

it.each([
  { url: 'qemu:///system' },
  { hypervisor: 'hyperv' },
  { deadline: 0 },
  { deadline: '1' },
  { owners: [{ projectId: 'p' }] },
  { owners: [{ name: 'a', project: 'p' }] },
])('refuses %j', (given) => {
  expect(options.safeParse(given).success).toBe(false);
});

it.each([
  ['kvm', 'qemu:///system'],
  ['qemu', 'qemu:///system'],
  ['xen', 'xen:///'],
  ['uml', 'uml:///system'],
  ['lxc', 'lxc:///'],
])('%s is reached by %s', async (hypervisor, uri) => {
  const settings = { options: options.parse({ hypervisor }), logger: silent, clock, host: 'compute-1' };
  const aborted = AbortSignal.abort(new Error('not now'));
  await expect(new LibvirtInspector(settings).start(aborted)).rejects.toThrow(`libvirt (${uri}) cannot be read`);
});

it('has its options in the README, and no other', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const documented = [...readme.matchAll(/^\| `(\w+)` \| .* \| .* \|$/gm)].map(([, key]) => key);
  expect(documented).toEqual(Object.keys(options.shape));
});
