import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootSector } from './boot-sector.js';
import { domainXml, type DomainDescription, type DomainNic, type NovaMetadata } from './domain-xml.js';
import type { Hypervisor } from './libvirtd.js';

export interface NicOptions {
  /** `<filterref>`'s parameters; without them the NIC has no filterref. */
  filterParameters?: Record<string, string>;
  /** A bridge to connect to (a private libvirtd has `br-test`); without it the tap is not connected. */
  bridge?: string;
  mac?: string;
}

export interface GuestOptions {
  /** By default one that no other guest has. */
  name?: string;
  uuid?: string;
  /** How many disks of 1 MiB: vda, vdb, …, or hda, … with `diskBus: 'ide'`. At least 1, by default 1. */
  disks?: number;
  diskBus?: 'virtio' | 'ide';
  /** By default one NIC on a tap of its own. */
  nics?: NicOptions[];
  vcpus?: number;
  memoryMiB?: number;
  /** nova's metadata in the domain; `false`: none, as for a guest created manually. */
  nova?: Partial<NovaMetadata> | false;
  /** More elements of `<devices>`. */
  extraDevices?: string;
  /** Defined and started (stays defined when it is shut off), or otherwise gone when it ends. By default true. */
  persistent?: boolean;
  /** An IPv4 address of the host that answers the guest. By default that of a private libvirtd's network. */
  answeringAddress?: string;
}

export interface Guest {
  name: string;
  uuid: string;
  /** Paths of its disks. */
  disks: string[];
  /** Its NICs, with the names of their taps on the host. */
  nics: DomainNic[];
  xml: string;
  /** Plugs in one more disk of 1 MiB while it runs (nothing in the guest uses it), and returns its path. */
  attachDisk(): Promise<string>;
  /** Pulls the plug; a persistent guest stays defined. */
  shutOff(): Promise<void>;
  /** Starts it again after {@link shutOff}. */
  start(): Promise<void>;
  /** Ends it, undefines it, and removes its disks. */
  destroy(): Promise<void>;
}

const diskBytes = 1024 * 1024;

/** The filter that a NIC with `filterParameters` refers to, by nova's name; it lets everything pass. */
export const filterName = 'nova-base';
const filterXml = `<filter name='${filterName}' chain='root'><uuid>6bd0e0c2-9b4e-4b57-8a5c-0d8f3d1f7a55</uuid></filter>`;

/** Boots a tiny QEMU guest whose counters all move: see boot-sector.ts. */
export async function bootGuest(hypervisor: Hypervisor, options: GuestOptions = {}): Promise<Guest> {
  const { virsh } = hypervisor;
  const persistent = options.persistent ?? true;
  const directory = await mkdtemp(join(hypervisor.directory, 'guest-'));
  // QEMU of a host's own libvirtd runs as a separate user, who must reach the disks.
  await chmod(directory, 0o711);
  const description = describe(directory, options);
  const { name, uuid } = description;
  const xml = domainXml(description);
  const file = join(directory, 'domain.xml');

  async function addDisk(path: string, content: Buffer) {
    await writeFile(path, content);
    await truncate(path, diskBytes);
  }

  async function destroy() {
    // It may have ended by itself; it must only not stay.
    await virsh('destroy', uuid).catch(() => undefined);
    if (persistent) await virsh('undefine', uuid).catch(() => undefined);
    const left = await virsh('list', '--all', '--uuid');
    if (left.includes(uuid)) throw new Error(`Guest ${name} (${uuid}) does not go away`);
    await rm(directory, { recursive: true, force: true });
  }

  try {
    for (const [index, path] of description.disks.entries()) {
      await addDisk(path, index === 0 ? bootSector(options.answeringAddress ?? '192.0.2.1') : Buffer.alloc(0));
    }
    await writeFile(file, xml);
    if (description.nics.some((nic) => nic.filter !== undefined)) {
      const filter = join(directory, 'filter.xml');
      await writeFile(filter, filterXml);
      await virsh('nwfilter-define', filter);
    }
    if (persistent) {
      await virsh('define', file);
      await virsh('start', uuid);
    } else {
      await virsh('create', file);
    }
  } catch (error) {
    await destroy();
    throw error;
  }

  let disks = description.disks.length;
  return {
    name,
    uuid,
    disks: description.disks,
    nics: description.nics,
    xml,
    async attachDisk() {
      const path = join(directory, `disk-${disks}.raw`);
      await addDisk(path, Buffer.alloc(0));
      await virsh('attach-disk', uuid, path, `vd${letter(disks)}`, '--targetbus', 'virtio', '--live');
      disks += 1;
      return path;
    },
    shutOff: async () => void (await virsh('destroy', uuid)),
    start: async () => void (await virsh('start', uuid)),
    destroy,
  };
}

function describe(directory: string, options: GuestOptions): DomainDescription {
  const bus = options.diskBus ?? 'virtio';
  const name = options.name ?? `instance-${randomBytes(4).toString('hex')}`;
  const memoryMiB = options.memoryMiB ?? 16;
  const vcpus = options.vcpus ?? 1;
  const nics = (options.nics ?? [{}]).map((nic): DomainNic => {
    const portId = randomUUID();
    return {
      portId,
      tap: `tap${portId.slice(0, 11)}`,
      mac:
        nic.mac ??
        `fa:16:3e:${randomBytes(3)
          .toString('hex')
          .replace(/..(?=.)/g, '$&:')}`,
      ...(nic.bridge === undefined ? {} : { bridge: nic.bridge }),
      ...(nic.filterParameters === undefined
        ? {}
        : { filter: { name: filterName, parameters: nic.filterParameters } }),
    };
  });
  const nova: NovaMetadata | undefined =
    options.nova === false
      ? undefined
      : {
          displayName: `display name of ${name}`,
          createdAt: '2026-11-22 21:47:54',
          flavor: { name: 'm1.tiny', memoryMiB, diskGiB: 1, vcpus },
          user: { id: 'c70bb536733a4dea97df02c5456070fd', name: 'alice' },
          project: { id: '909c4662f43441bcb7e3bece767e7d73', name: 'alpha' },
          imageId: 'd9392138-b64c-4f17-9e05-72b3a9f6310c',
          ...options.nova,
        };
  return {
    name,
    uuid: options.uuid ?? randomUUID(),
    memoryMiB,
    vcpus,
    diskBus: bus,
    disks: Array.from({ length: options.disks ?? 1 }, (_, index) => join(directory, `disk-${index}.raw`)),
    nics,
    extraDevices: options.extraDevices ?? '',
    ...(nova === undefined ? {} : { nova }),
  };
}

const letter = (index: number) => String.fromCharCode('a'.charCodeAt(0) + index);
