/** What is in a guest's domain XML. */
export interface DomainDescription {
  name: string;
  uuid: string;
  memoryMiB: number;
  vcpus: number;
  diskBus: 'virtio' | 'ide';
  /** Paths of raw files. */
  disks: string[];
  nics: DomainNic[];
  nova?: NovaMetadata;
  /** XML inside of `<devices>`. */
  extraDevices: string;
}

export interface DomainNic {
  /** The id of neutron's port, which the name of the tap begins with. */
  portId: string;
  tap: string;
  mac: string;
  bridge?: string;
  filter?: { name: string; parameters: Record<string, string> };
}

/** What nova writes into `<metadata>`, in the form of its namespace 1.1. */
export interface NovaMetadata {
  displayName: string;
  /** UTC, `YYYY-MM-DD hh:mm:ss`. */
  createdAt: string;
  flavor: { name: string; memoryMiB: number; diskGiB: number; vcpus: number };
  user: { id: string; name: string };
  project: { id: string; name: string };
  imageId: string;
}

export function domainXml(domain: DomainDescription): string {
  const prefix = domain.diskBus === 'ide' ? 'hd' : 'vd';
  const metadata =
    domain.nova === undefined ? '' : `  <metadata>\n${novaXml(domain.nova, domain.nics)}  </metadata>\n`;
  return `<domain type='qemu'>
  <name>${escape(domain.name)}</name>
  <uuid>${domain.uuid}</uuid>
${metadata}  <memory unit='MiB'>${domain.memoryMiB}</memory>
  <vcpu placement='static'>${domain.vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
  </os>
  <features>
    <acpi/>
  </features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
${domain.disks.map((path, index) => diskXml(path, `${prefix}${String.fromCharCode(97 + index)}`, index + 1, domain.diskBus)).join('')}\
${domain.nics.map(nicXml).join('')}\
    <controller type='usb' model='none'/>
    <video><model type='none'/></video>
    <memballoon model='virtio'><stats period='10'/></memballoon>
${domain.extraDevices}  </devices>
</domain>
`;
}

/** Only disks with a place in the boot order are known to the guest's BIOS. */
const diskXml = (path: string, device: string, order: number, bus: string) => `\
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='${escape(path)}'/>
      <target dev='${device}' bus='${bus}'/>
      <boot order='${order}'/>
    </disk>
`;

const nicXml = ({ mac, tap, bridge, filter }: DomainNic) => `\
    <interface type='${bridge === undefined ? 'ethernet' : 'bridge'}'>
      <mac address='${mac}'/>
${bridge === undefined ? '' : `      <source bridge='${escape(bridge)}'/>\n`}\
      <target dev='${tap}'/>
      <model type='ne2k_pci'/>
${filter === undefined ? '' : filterXml(filter)}\
      <rom enabled='no'/>
    </interface>
`;

const filterXml = ({ name, parameters }: NonNullable<DomainNic['filter']>) => `\
      <filterref filter='${escape(name)}'>
${Object.entries(parameters)
  .map(([key, value]) => `        <parameter name='${escape(key)}' value='${escape(value)}'/>\n`)
  .join('')}\
      </filterref>
`;

const novaXml = (nova: NovaMetadata, nics: readonly DomainNic[]) => `\
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:package version="26.2.2"/>
      <nova:name>${escape(nova.displayName)}</nova:name>
      <nova:creationTime>${nova.createdAt}</nova:creationTime>
      <nova:flavor name="${escape(nova.flavor.name)}">
        <nova:memory>${nova.flavor.memoryMiB}</nova:memory>
        <nova:disk>${nova.flavor.diskGiB}</nova:disk>
        <nova:swap>0</nova:swap>
        <nova:ephemeral>0</nova:ephemeral>
        <nova:vcpus>${nova.flavor.vcpus}</nova:vcpus>
      </nova:flavor>
      <nova:owner>
        <nova:user uuid="${nova.user.id}">${escape(nova.user.name)}</nova:user>
        <nova:project uuid="${nova.project.id}">${escape(nova.project.name)}</nova:project>
      </nova:owner>
      <nova:root type="image" uuid="${nova.imageId}"/>
      <nova:ports>
${nics.map(({ portId }) => `        <nova:port uuid="${portId}"/>\n`).join('')}\
      </nova:ports>
    </nova:instance>
`;

const escape = (text: string) => text.replace(/[<>&'"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
