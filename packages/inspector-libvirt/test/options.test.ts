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
  expect(options.parse({})).toEqual({ uri: 'qemu:///system', owners: [] });
});

it.each([{ url: 'qemu:///system' }, { owners: [{ projectId: 'p' }] }, { owners: [{ name: 'a', project: 'p' }] }])(
  'refuses %j',
  (given) => {
    expect(options.safeParse(given).success).toBe(false);
  },
);

it('connects to the hypervisor of its URI', async () => {
  const settings = { options: options.parse({ uri: 'xen:///' }), logger: silent, clock, host: 'compute-1' };
  const aborted = AbortSignal.abort(new Error('not now'));
  await expect(new LibvirtInspector(settings).start(aborted)).rejects.toThrow('libvirt (xen:///) cannot be read');
});

it.each([
  ['xen', 'xen:///'],
  ['uml', 'uml:///system'],
  ['lxc', 'lxc:///'],
])(
  'refuses the former option hypervisor: %s without a URI, because another host would be metered',
  (hypervisor, uri) => {
    expect(options.safeParse({ hypervisor }).error?.issues).toMatchObject([
      { path: ['hypervisor'], message: `is written as uri: ${uri}` },
    ]);
    expect(options.parse({ hypervisor, uri: `${uri}other` }).uri).toBe(`${uri}other`);
  },
);

it.each([{ hypervisor: 'kvm' }, { hypervisor: 'qemu' }, { deadline: 5 }])(
  'accepts the former option %j',
  (given) => {
    expect(options.parse(given).uri).toBe('qemu:///system');
  },
);

it('has exactly the options of the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const documented = [...readme.matchAll(/^\| `(\w+)` \| .* \| .* \|$/gm)].map(([, key]) => key);
  expect(documented).toEqual(['uri', 'owners']);
});
