import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { bootGuest } from '../testbed/guest.js';
import { startLibvirtd } from '../testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../testbed/libvirtd.js';
import { progress } from '../testbed/progress.js';

/** A private libvirtd with instances. */
export interface MeasuredHost {
  readonly uri: string;
  readonly instances: number;
  stop(): Promise<void>;
}

// Guests that are started at once; more only wait for one another.
const bootingAtOnce = 4;

/** Real guests under QEMU with a disk and a NIC each, whose counters all move. */
export async function startQemuHost(instances: number, signal: AbortSignal): Promise<MeasuredHost> {
  return withLibvirtd(async (libvirtd) => {
    const names = Array.from({ length: instances }, (_, index) => instanceName(index)).values();
    const worker = async () => {
      for (const name of names) {
        signal.throwIfAborted();
        await bootGuest(libvirtd, { name, persistent: false });
      }
    };
    await progress(`Booting ${instances} guests`, Promise.all(Array.from({ length: bootingAtOnce }, worker)));
    return { uri: libvirtd.uri, instances, stop: libvirtd.stop };
  });
}

/** Domains of libvirt's test driver with a disk and a NIC each: no guests, only what the daemon says of them. */
export async function startTestDriverHost(instances: number): Promise<MeasuredHost> {
  return withLibvirtd(async (libvirtd) => {
    const file = join(libvirtd.directory, 'node.xml');
    await writeFile(file, nodeXml(instances));
    return { uri: `test+unix://${file}?socket=${libvirtd.socketReadOnly}`, instances, stop: libvirtd.stop };
  });
}

/** A folder for the time of `work`. */
export async function withDirectory<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-bench-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function withLibvirtd(
  populate: (libvirtd: PrivateLibvirtd) => Promise<MeasuredHost>,
): Promise<MeasuredHost> {
  const libvirtd = await progress('Starting a private libvirtd', startLibvirtd());
  try {
    return await populate(libvirtd);
  } catch (error) {
    await libvirtd.stop();
    throw error;
  }
}

const instanceName = (index: number) => `instance-${hex(index, 8)}`;
const hex = (index: number, length: number) => (index + 1).toString(16).padStart(length, '0');

const nodeXml = (instances: number) => `<node>
${Array.from({ length: instances }, (_, index) => domainXml(index)).join('')}</node>
`;

const domainXml = (index: number) => `  <domain type='test'>
    <name>${instanceName(index)}</name>
    <uuid>6e657068-6f73-4363-8f70-${hex(index, 12)}</uuid>
    <memory unit='MiB'>512</memory>
    <vcpu>1</vcpu>
    <os><type arch='x86_64'>hvm</type></os>
    <devices>
      <disk type='file' device='disk'>
        <source file='/var/lib/nova/instances/${instanceName(index)}/disk'/>
        <target dev='vda' bus='virtio'/>
      </disk>
      <interface type='bridge'>
        <mac address='fa:16:3e:00:${hex(index, 4).replace(/(..)(..)/, '$1:$2')}'/>
        <source bridge='br-int'/>
        <target dev='tap${hex(index, 8)}-00'/>
      </interface>
    </devices>
  </domain>
`;
