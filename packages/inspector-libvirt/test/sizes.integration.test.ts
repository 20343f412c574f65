import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';

import { inspectorOf, named } from './support.js';
import type { TestInspector } from './support.js';

const mebi = 1024n * 1024n;

let libvirtd: PrivateLibvirtd;
let reader: TestInspector;
let device: string | undefined;
let server: ChildProcess | undefined;

const shell = async (command: string): Promise<string> =>
  (await promisify(execFile)('bash', ['-euc', command], { cwd: libvirtd.directory })).stdout.trim();

/** The output of virsh domblkinfo; undefined if it fails. */
async function blockInfo(disk: string): Promise<Record<string, bigint> | undefined> {
  const text = await libvirtd.virsh('domblkinfo', 'vm', disk).catch(() => '');
  const figures = [...text.matchAll(/^(\w+): +(\d+)$/gm)].map(([, name, value]) => [
    name!.toLowerCase(),
    BigInt(value!),
  ]);
  return figures.length === 0 ? undefined : (Object.fromEntries(figures) as Record<string, bigint>);
}

async function sizes(): Promise<Record<string, unknown>> {
  const { disks } = named(await reader.read(new Set(['disks'])), 'vm').parts;
  if (disks === undefined || 'missing' in disks) throw new Error('the disks are missing');
  return Object.fromEntries(disks.map(({ disk, size }) => [disk.device, size]));
}

const files: Record<string, string> = {
  sda: 'sparse.raw',
  sdb: 'part.raw',
  sdc: 'full.raw',
  sdd: 'thin.qcow2',
  sde: 'some.qcow2',
  sdf: 'reserved.qcow2',
};

/** The sizes from the host's file system: allocation and length of an image file. */
async function onDisk(disk: string): Promise<{ readonly allocation: bigint; readonly physical: bigint }> {
  const { blocks, size } = await stat(`${libvirtd.directory}/${files[disk]}`, { bigint: true });
  return { allocation: blocks * 512n, physical: size };
}

async function write(disk: string): Promise<void> {
  const xml = await libvirtd.virsh('dumpxml', 'vm');
  const alias = /<alias name='([^']+)'/.exec(
    xml.split('<disk ').find((one) => one.includes(`dev='${disk}'`))!,
  )![1];
  for (const command of ['aio_write -P 7 8M 1M', 'aio_flush'])
    await libvirtd.virsh('qemu-monitor-command', 'vm', '--hmp', `qemu-io -d ${alias} "${command}"`);
}

beforeAll(async () => {
  libvirtd = await startLibvirtd();
  const { directory } = libvirtd;
  await shell(
    `truncate -s 16M sparse.raw net.raw device.img; head -c 3M /dev/urandom >part.raw; truncate -s 16M part.raw
     head -c 16M /dev/urandom >full.raw; qemu-img create -q -f qcow2 thin.qcow2 16M
     qemu-img create -q -f qcow2 some.qcow2 16M; qemu-io -f qcow2 -c 'write 0 5M' some.qcow2 >/dev/null
     qemu-img create -q -f qcow2 -o preallocation=metadata reserved.qcow2 16M; sync .`,
  );
  device = await shell('losetup --find --show device.img');
  server = spawn('qemu-nbd', [
    '-f',
    'raw',
    '-k',
    `${directory}/nbd`,
    '-t',
    '--persistent',
    `${directory}/net.raw`,
  ]);
  const xml = (attributes: string, source: string, target: string, format = 'raw') =>
    `<disk type='${attributes}' device='disk'><driver name='qemu' type='${format}'/>${source}<target dev='${target}' bus='scsi'/></disk>`;
  const disks = Object.entries(files).map(([target, file]) =>
    xml('file', `<source file='${directory}/${file}'/>`, target, file.split('.')[1]),
  );
  disks.push(xml('block', `<source dev='${device}'/>`, 'sdg'));
  const unix = `<source protocol='nbd'><host transport='unix' socket='${directory}/nbd'/></source>`;
  disks.push(xml('network', unix, 'sdh'));
  await writeFile(
    `${directory}/vm.xml`,
    `<domain type='qemu'><name>vm</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>` +
      `<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>` +
      `${disks.join('')}<controller type='scsi' index='0' model='virtio-scsi'/>` +
      `<controller type='usb' model='none'/><video><model type='none'/></video></devices></domain>`,
  );
  await libvirtd.virsh('define', `${directory}/vm.xml`);
  reader = inspectorOf(`qemu+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`);
  await reader.inspector.start(new AbortController().signal);
}, 60_000);
afterAll(async () => {
  await reader?.inspector.stop();
  await libvirtd.stop();
  if (server !== undefined && server.exitCode === null) {
    server.kill();
    await once(server, 'exit');
  }
  if (device !== undefined) await promisify(execFile)('losetup', ['--detach', device]);
});

it('of a guest that is shut off are those of domblkinfo', async () => {
  const read = await sizes();
  for (const disk of [...Object.keys(files), 'sdg'])
    expect([disk, read[disk]]).toEqual([disk, await blockInfo(disk)]);
  for (const disk of Object.keys(files)) expect(read[disk]).toMatchObject(await onDisk(disk));
  expect(read['sdh']).toMatchObject({ missing: 'unsupported' });
});

it('of a running guest are those that the host has for each image, before and after it writes', async () => {
  await libvirtd.virsh('start', 'vm', '--paused');
  const compare = async () => {
    const read = await sizes();
    for (const disk of Object.keys(files))
      expect([disk, read[disk]]).toEqual([disk, { capacity: 16n * mebi, ...(await onDisk(disk)) }]);
    // domblkinfo reports how far a device was written to since the guest started, not what it occupies.
    expect(read['sdg']).toEqual({ capacity: 16n * mebi, allocation: 16n * mebi, physical: 16n * mebi });
    expect(read['sdh']).toEqual({ capacity: 16n * mebi, allocation: undefined, physical: 16n * mebi });
    return read;
  };
  const before = await compare();
  for (const disk of Object.keys(files)) expect([disk, before[disk]]).toEqual([disk, await blockInfo(disk)]);
  for (const disk of [...Object.keys(files), 'sdg']) await write(disk);
  const after = await compare();
  // For raw files domblkinfo then reports how far they were written, and what they occupy.
  for (const disk of ['sdd', 'sde', 'sdf']) expect([disk, after[disk]]).toEqual([disk, await blockInfo(disk)]);
}, 60_000);
