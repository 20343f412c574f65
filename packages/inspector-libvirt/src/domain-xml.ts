import type { Disk, Flavor, Vnic } from '@nephoscope/core';
import { XMLParser } from 'fast-xml-parser';

/** What a domain's XML says that does not change while it runs, unless libvirt announces it. */
export interface DomainDescription {
  readonly vcpus: number | undefined;
  readonly memoryKib: bigint | undefined;
  readonly architecture: string;
  readonly osType: string;
  readonly disks: readonly Disk[];
  readonly vnics: readonly DescribedVnic[];
  /** What nova wrote into it; undefined for a domain that is not nova's. */
  readonly nova: NovaMetadata | undefined;
}

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
  readonly createdAt: string | undefined;
}

interface Element {
  readonly [name: string]: Element | readonly Element[] | string | undefined;
}

const attribute = '@';
const text = '#text';

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: attribute,
  textNodeName: text,
  alwaysCreateTextNode: true,
  trimValues: false,
  // Every figure stays the text that it is: a name such as 0012 is no number.
  parseTagValue: false,
  parseAttributeValue: false,
  // The parser counts references by number (&#233;) among HTML's; libxml2 writes such.
  htmlEntities: true,
});

/** Reads `virDomainGetXMLDesc`. Throws a TypeError for a text that is no domain. */
export function parseDomainXml(xml: string): DomainDescription {
  const domain = child(parser.parse(xml) as Element, 'domain');
  if (domain === undefined) throw new TypeError('the XML has no <domain>');
  const devices = child(domain, 'devices');
  const vcpu = child(domain, 'vcpu');
  const osType = child(child(domain, 'os'), 'type');
  return Object.freeze({
    vcpus: wholeNumber(value(vcpu, 'current') ?? content(vcpu)),
    memoryKib: kibibytes(child(domain, 'currentMemory')),
    architecture: value(osType, 'arch') ?? '',
    osType: content(osType) ?? '',
    disks: children(devices, 'disk').flatMap((disk) => {
      const device = value(child(disk, 'target'), 'dev');
      return device === undefined ? [] : [Object.freeze({ device })];
    }),
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
  return Object.freeze({
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

function pciAddress(address: Element | undefined): string | undefined {
  const parts = ['domain', 'bus', 'slot', 'function'].map((name) => value(address, name)?.replace(/^0x/, ''));
  const [domain, bus, slot, func] = parts;
  return parts.includes(undefined) ? undefined : `${domain}:${bus}:${slot}.${func}`;
}

function describeNova(domain: Element): NovaMetadata | undefined {
  // The prefix is nova's choice; what counts is the namespace that it stands for, whatever its version.
  const metadata = child(domain, 'metadata');
  if (metadata === undefined) return undefined;
  for (const tag of Object.keys(metadata)) {
    const [, prefix, local] = /^(?:(.*):)?(.*)$/.exec(tag) ?? [];
    const instance = child(metadata, tag);
    if (local !== 'instance' || instance === undefined) continue;
    // libvirt moves no declaration: it is where nova wrote it, on the element itself.
    const namespace = value(instance, prefix === undefined ? 'xmlns' : `xmlns:${prefix}`);
    if (!namespace?.startsWith('http://openstack.org/xmlns/libvirt/nova/')) continue;
    const nova = (element: Element | undefined, name: string) =>
      child(element, prefix === undefined ? name : `${prefix}:${name}`);
    const owner = nova(instance, 'owner');
    return Object.freeze({
      name: content(nova(instance, 'name')),
      flavor: describeFlavor(nova(instance, 'flavor'), nova),
      userId: value(nova(owner, 'user'), 'uuid'),
      projectId: value(nova(owner, 'project'), 'uuid'),
      imageId:
        value(nova(instance, 'root'), 'type') === 'image' ? value(nova(instance, 'root'), 'uuid') : undefined,
      createdAt: content(nova(instance, 'creationTime')),
    });
  }
  return undefined;
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
  const digits = content(memory);
  return digits !== undefined && /^\d+$/.test(digits) && value(memory, 'unit') === 'KiB'
    ? BigInt(digits)
    : undefined;
}

function wholeNumber(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

function children(element: Element | undefined, name: string): readonly Element[] {
  const found = element?.[name];
  if (found === undefined || typeof found === 'string') return [];
  return (Array.isArray(found) ? found : [found]) as readonly Element[];
}

function child(element: Element | undefined, name: string): Element | undefined {
  return children(element, name)[0];
}

function value(element: Element | undefined, name: string): string | undefined {
  const found = element?.[attribute + name];
  return typeof found === 'string' ? found : undefined;
}

function content(element: Element | undefined): string | undefined {
  const found = element?.[text];
  return typeof found === 'string' && found !== '' ? found : undefined;
}
