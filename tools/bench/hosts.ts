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

// The number of guests that are started at once; more would only wait for each other.
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

/**
 * Domains of libvirt's test driver with a disk and a NIC each, without guests.
 *
 * @param metadataXml the content of a domain's element `metadata`
 */
export async function startTestDriverHost(
  instances: number,
  metadataXml: (index: number) => string = () => '',
): Promise<MeasuredHost> {
  return withLibvirtd(async (libvirtd) => {
    const file = join(libvirtd.directory, 'node.xml');
    await writeFile(file, nodeXml(instances, metadataXml));
    return { uri: `test+unix://${file}?socket=${libvirtd.socketReadOnly}`, instances, stop: libvirtd.stop };
  });
}

/** A folder that exists while `work` runs. */
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

/** As nova writes it for an instance of a project. */
export const novaMetadataXml = (index: number) => `
      <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
        <nova:package version="26.2.2"/>
        <nova:name>web-frontend-${index}.production.example.org</nova:name>
        <nova:creationTime>2026-11-22 21:47:54</nova:creationTime>
        <nova:flavor name="m1.small">
          <nova:memory>2048</nova:memory>
          <nova:disk>20</nova:disk>
          <nova:swap>0</nova:swap>
          <nova:ephemeral>0</nova:ephemeral>
          <nova:vcpus>1</nova:vcpus>
        </nova:flavor>
        <nova:owner>
          <nova:user uuid="${ownerId('c70bb536', index)}">user-${index % owners}</nova:user>
          <nova:project uuid="${ownerId('909c4662', index)}">project-${index % owners}</nova:project>
        </nova:owner>
        <nova:root type="image" uuid="d9392138-b64c-4f17-9e05-72b3a9f6310c"/>
      </nova:instance>
    `;

const owners = 50;
const ownerId = (kind: string, index: number) => `${kind}${hex(index % owners, 24)}`;

const nodeXml = (instances: number, metadataXml: (index: number) => string) => `<node>
${Array.from({ length: instances }, (_, index) => domainXml(index, metadataXml(index)).xml).join('')}</node>
`;

/** A domain of libvirt's test driver. */
export const domainXml = (index: number, metadata: string) => ({
  name: instanceName(index),
  xml: `  <domain type='test'>
    <name>${instanceName(index)}</name>
    <uuid>6e657068-6f73-4363-8f70-${hex(index, 12)}</uuid>
    <metadata>${metadata}</metadata>
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
`,
});
