import { isTimestamp } from '@nephoscope/core';
import type { Flavor, Vnic } from '@nephoscope/core/instance';

import { describeDisk } from './disk-xml.js';
import type { DescribedDisk } from './disk-xml.js';
import { child, children, content, local, namespace, parseXml, value } from './xml.js';
import type { Element } from './xml.js';

/** The facts from a domain's XML, which change while it runs only with a libvirt event. */
export interface DomainDescription {
  readonly vcpus: number | undefined;
  readonly memoryKib: bigint | undefined;
  readonly architecture: string;
  readonly osType: string;
  readonly disks: readonly DescribedDisk[];
  readonly vnics: readonly DescribedVnic[];
  /** What nova wrote into it; undefined for a domain that is not nova's. */
  readonly nova: NovaMetadata | undefined;
  /** The current XML cannot be read: this is the last known state, if any. */
  readonly outdated?: true;
}

/** The description of a domain whose XML was never read. */
export const undescribed: DomainDescription = Object.freeze({
  vcpus: undefined,
  memoryKib: undefined,
  architecture: '',
  osType: '',
  disks: Object.freeze([]),
  vnics: Object.freeze([]),
  nova: undefined,
  outdated: true,
});

export interface DescribedVnic extends Vnic {
  /** The card is passed through to the guest (hostdev, SR-IOV): the host sees none of its traffic. */
  readonly passedThrough: boolean;
}

export interface NovaMetadata {
  readonly name: string | undefined;
  readonly flavor: Flavor | undefined;
  readonly userId: string | undefined;
  readonly projectId: string | undefined;
  readonly imageId: string | undefined;
  /** As written by nova; undefined if it is not a valid time. */
  readonly createdAt: string | undefined;
  /** The creation time is invalid. */
  readonly hasWrongTime?: true;
}

/** Parses `virDomainGetXMLDesc`. Throws a TypeError for a text that is not a domain. */
export function parseDomainXml(xml: string): DomainDescription {
  const domain = parseXml(xml);
  if (domain.name !== 'domain') throw new TypeError('the XML has no <domain>');
  const devices = child(domain, 'devices');
  const vcpu = child(domain, 'vcpu');
  const osType = child(child(domain, 'os'), 'type');
  return Object.freeze({
    vcpus: wholeNumber(value(vcpu, 'current') ?? content(vcpu)),
    memoryKib: kibibytes(child(domain, 'currentMemory')),
    architecture: value(osType, 'arch') ?? '',
    osType: content(osType) ?? '',
    disks: children(devices, 'disk').flatMap((disk) => describeDisk(disk) ?? []),
    vnics: children(devices, 'interface').map(describeVnic),
    nova: describeNova(domain),
  });
}

function describeVnic(element: Element, index: number): DescribedVnic {
  const mac = value(child(element, 'mac'), 'address') ?? null;
  const filter = child(element, 'filterref');
  const parameters = Object.fromEntries(
    children(filter, 'parameter').map((parameter) => [
      (value(parameter, 'name') ?? '').toLowerCase(),
      value(parameter, 'value') ?? '',
    ]),
  );
  // A network of libvirt's own may turn out to be a bridge or a pool of virtual functions.
  const attached = child(element, 'actual') ?? element;
  const source = child(attached, 'source');
  // For its own networks libvirt creates a new one each time the card is plugged in.
  const port = value(source, 'portid');
  return Object.freeze({
    ...(port === undefined ? {} : { plugging: Object.freeze([port]) }),
    name:
      value(child(element, 'target'), 'dev') ?? pciAddress(child(source, 'address')) ?? mac ?? `interface${index}`,
    mac,
    fref: value(filter, 'filter') ?? null,
    parameters: Object.freeze(parameters),
    interfaceId: value(child(child(element, 'virtualport'), 'parameters'), 'interfaceid') ?? null,
    bridge: value(source, 'bridge') ?? null,
    passedThrough: value(attached, 'type') === 'hostdev',
  });
}

/** A card of which only the name is known. */
export function plainVnic(name: string): DescribedVnic {
  const unknown = { mac: null, fref: null, parameters: Object.freeze({}), interfaceId: null, bridge: null };
  return Object.freeze({ name, ...unknown, passedThrough: false });
}

function pciAddress(address: Element | undefined): string | undefined {
  const parts = ['domain', 'bus', 'slot', 'function'].map((name) => value(address, name)?.replace(/^0x/, ''));
  const [domain, bus, slot, func] = parts;
  return parts.includes(undefined) ? undefined : `${domain}:${bus}:${slot}.${func}`;
}

const novaNamespace = 'http://openstack.org/xmlns/libvirt/nova/';

function describeNova(domain: Element): NovaMetadata | undefined {
  // The prefix is nova's choice; the namespace counts. After an upgrade of nova an instance may have metadata of two
  // versions: the newer one is kept up to date.
  const versionOf = (element: Element) => Number(namespace(element)!.slice(novaNamespace.length));
  const [instance] = children(child(domain, 'metadata'))
    .filter((element) => local(element) === 'instance' && namespace(element)?.startsWith(novaNamespace))
    .sort((one, other) => versionOf(other) - versionOf(one));
  if (instance === undefined) return undefined;
  const uri = namespace(instance);
  const nova = (element: Element | undefined, name: string) =>
    children(element).find((found) => local(found) === name && namespace(found) === uri);
  const owner = nova(instance, 'owner');
  const root = nova(instance, 'root');
  const createdAt = content(nova(instance, 'creationTime'))?.trim();
  return Object.freeze({
    name: content(nova(instance, 'name')),
    flavor: describeFlavor(nova(instance, 'flavor'), nova),
    userId: value(nova(owner, 'user'), 'uuid'),
    projectId: value(nova(owner, 'project'), 'uuid'),
    imageId: value(root, 'type') === 'image' ? value(root, 'uuid') : undefined,
    createdAt: isTimestamp(createdAt) ? createdAt : undefined,
    ...(createdAt !== undefined && createdAt !== '' && !isTimestamp(createdAt) && { hasWrongTime: true as const }),
  });
}

function describeFlavor(
  flavor: Element | undefined,
  nova: (element: Element | undefined, name: string) => Element | undefined,
): Flavor | undefined {
  const name = value(flavor, 'name');
  if (name === undefined) return undefined;
  const figure = (field: string) => wholeNumber(content(nova(flavor, field)));
  return Object.freeze({
    id: value(flavor, 'id'),
    name,
    vcpus: figure('vcpus'),
    memoryMb: figure('memory'),
    diskGb: figure('disk'),
    ephemeralGb: figure('ephemeral'),
    swapMb: figure('swap'),
  });
}

/** libvirt writes memory in KiB, whatever the domain was defined with. */
function kibibytes(memory: Element | undefined): bigint | undefined {
  const digits = content(memory)?.trim();
  return digits !== undefined && /^\d+$/.test(digits) && value(memory, 'unit') === 'KiB'
    ? BigInt(digits)
    : undefined;
}

function wholeNumber(text: string | undefined): number | undefined {
  const digits = text?.trim();
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}
