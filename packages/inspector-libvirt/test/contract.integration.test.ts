import { inspectorContract } from '@nephoscope/testing';

import { bootGuest } from '../../../tools/testbed/guest.js';
import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';

import { inspectorOf } from './support.js';

let libvirtd: PrivateLibvirtd;
beforeAll(async () => {
  libvirtd = await startLibvirtd();
  await bootGuest(libvirtd, { disks: 2, nics: [{}, { filterParameters: { IP: '192.0.2.7' } }] });
  const { shutOff } = await bootGuest(libvirtd, { nova: false });
  await shutOff();
});
afterAll(() => libvirtd.stop());

const uriOf = (driver: string, socket: string): string => `${driver}?socket=${encodeURIComponent(socket)}`;

describe.each(['qemu+unix:///system', 'test+unix:///default'])('%s', (driver) => {
  inspectorContract('the libvirt inspector', {
    create: () => inspectorOf(uriOf(driver, libvirtd.socketReadOnly)).inspector,
    createUnstartable: () => inspectorOf(uriOf(driver, `${libvirtd.directory}/nothing`)).inspector,
  });
});
