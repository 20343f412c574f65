import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { freeze } from '../../../tools/testbed/freeze.js';
import { bootGuest } from '../../../tools/testbed/guest.js';
import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';

import { inspectorOf, named, until } from './support.js';
import type { TestInspector } from './support.js';

let libvirtd: PrivateLibvirtd;
const opened: TestInspector[] = [];
const undo: (() => unknown)[] = [];
beforeEach(async () => {
  libvirtd = await startLibvirtd();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await Promise.all(opened.splice(0).map(({ inspector }) => inspector.stop()));
  await libvirtd.stop();
});

async function started(driver = 'qemu'): Promise<TestInspector> {
  const made = inspectorOf(
    `${driver}+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`,
    {},
    10_000,
  );
  opened.push(made);
  await made.inspector.start(new AbortController().signal);
  return made;
}

const wellRead = { cpu: { count: 1 }, memory: { residentKib: expect.any(BigInt) as unknown } };

it('when an image of a guest that is shut off hangs, only sizes of shut-off guests are missing', async () => {
  const folder = libvirtd.directory;
  const fifo = `${folder}/hung.iso`;
  // Opening it blocks until somebody writes to it.
  await promisify(execFile)('mkfifo', [fifo]);
  await bootGuest(libvirtd, { name: 'well' });
  const define = async (name: string, image: string): Promise<void> => {
    const xml = `<domain type='qemu'><name>${name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type></os><devices><disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/><source file='${image}'/><target dev='hdc' bus='ide'/><readonly/></disk></devices></domain>`;
    await writeFile(`${folder}/${name}.xml`, xml);
    await libvirtd.virsh('define', `${folder}/${name}.xml`);
  };
  await writeFile(`${folder}/raw.img`, '');
  await truncate(`${folder}/raw.img`, 1_048_576);
  await define('off', fifo);

  const { read, logged } = await started();
  for (let cycle = 0; cycle < 3; cycle++) {
    const readings = await read();
    expect(named(readings, 'well').parts).toMatchObject(wellRead);
    expect(named(readings, 'off')).toMatchObject({
      instance: { state: 'shutoff' },
      parts: { disks: [{ disk: { device: 'hdc' }, io: { missing: 'off' }, size: { missing: 'busy' } }] },
    });
  }
  expect(logged).toEqual([expect.stringMatching(/off, which is shut off/)]);
  // The storage is back, with an empty image.
  const writer = await open(fifo, 'w');
  await rm(fifo);
  await writeFile(fifo, '');
  await writer.close();
  await until(async () => {
    await libvirtd.virsh('list', '--all');
    return named(await read(), 'well').instance.state === 'running';
  });
  await define('raw', `${folder}/raw.img`);
  expect(named(await read(), 'raw').instance.state).toBe('shutoff');
});

it('with one request slot per connection, a hanging guest affects only itself, and the setting is named', async () => {
  const file = `${libvirtd.directory}/etc/libvirtd.conf`;
  await writeFile(file, `${await readFile(file, 'utf8')}max_client_requests = 1\n`);
  await libvirtd.restart();
  for (const name of ['sick', 'well1', 'well2']) await bootGuest(libvirtd, { name });
  const pid = await libvirtd.guestPid('sick');
  await freeze(pid);
  undo.push(() => process.kill(pid, 'SIGCONT'));
  const { read, logged } = await started();
  for (let cycle = 0; cycle < 3; cycle++) {
    const readings = await read();
    for (const name of ['well1', 'well2']) expect(named(readings, name).parts).toMatchObject(wellRead);
    expect(named(readings, 'sick')).toMatchObject({
      instance: { state: 'running' },
      parts: { memory: { missing: 'busy' } },
    });
  }
  expect(logged.filter((line) => line.includes('max_client_requests'))).toHaveLength(1);
});

it('LXC containers, whose driver has no bulk call, are read while running and while shut off', async () => {
  const define = async (name: string): Promise<void> => {
    const xml = `<domain type='lxc'><name>${name}</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
      <os><type>exe</type><init>/bin/sleep</init><initarg>600</initarg></os><devices><console type='pty'/></devices></domain>`;
    await writeFile(`${libvirtd.directory}/${name}.xml`, xml);
    await lxc('define', `${libvirtd.directory}/${name}.xml`);
  };
  const uri = `lxc+unix:///system?socket=${libvirtd.socket}`;
  const lxc = (...args: string[]): Promise<unknown> =>
    promisify(execFile)('virsh', ['--quiet', '--connect', uri, ...args]);
  await define('running');
  await define('off');
  await lxc('start', 'running');
  undo.push(() => lxc('destroy', 'running'));

  const { read, logged, inspector } = await started('lxc');
  let before = 0n;
  for (let cycle = 0; cycle < 3; cycle++) {
    const readings = await read();
    const { instance, parts } = named(readings, 'running');
    expect(instance).toMatchObject({ state: 'running' });
    expect(parts.cpu).toMatchObject({ count: 2, vcpus: { missing: 'unsupported' } });
    const { timeNs } = parts.cpu as { timeNs: bigint };
    expect(timeNs).toBeGreaterThan(0n);
    expect(timeNs).toBeGreaterThanOrEqual(before);
    before = timeNs;
    expect(parts).toMatchObject({ disks: [], vnics: [] });
    expect(named(readings, 'off')).toMatchObject({
      instance: { state: 'shutoff' },
      parts: { cpu: { missing: 'off' } },
    });
    const single = await inspector.inspectInstance(instance.id, new Set(['cpu']), new AbortController().signal);
    expect(single).toMatchObject({ instance: { run: instance.run }, parts: { cpu: { count: 2 } } });
  }
  expect(logged.filter((line) => line.startsWith('error'))).toEqual([]);
});

it("when a drive's storage hangs, no figure of a running guest is missing, or only QEMU's while QEMU opens it", async () => {
  const folder = libvirtd.directory;
  const socket = `${folder}/nbd.sock`;
  await writeFile(`${folder}/medium.iso`, '');
  await truncate(`${folder}/medium.iso`, 1_048_576);
  const options = ['--persistent', '--shared=4', '--read-only', '--format=raw', `--socket=${socket}`];
  const server = spawn('qemu-nbd', [...options, `${folder}/medium.iso`], { stdio: 'ignore' });
  undo.push(() => server.kill('SIGKILL'));
  await until(() => existsSync(socket));
  const drive = `<disk type='network' device='cdrom'><driver name='qemu' type='raw'/><source protocol='nbd'>
    <host transport='unix' socket='${socket}'/></source><target dev='hdc' bus='ide'/><readonly/></disk>`;
  await writeFile(`${folder}/drive.xml`, drive);
  await bootGuest(libvirtd, { name: 'drive', extraDevices: drive });
  const empty = `<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>`;
  await bootGuest(libvirtd, { name: 'opening', extraDevices: empty });
  await bootGuest(libvirtd, { name: 'well' });
  const { read } = await started();
  const driveRead = { disks: [{}, { disk: { device: 'hdc' }, io: { readBytes: expect.any(BigInt) as unknown } }] };

  await freeze(server.pid as number);
  for (const name of ['drive', 'opening'])
    expect(named(await read(), name).parts).toMatchObject({ ...wellRead, ...driveRead });
  const opening = libvirtd.virsh('update-device', 'opening', `${folder}/drive.xml`, '--live');
  opening.catch(() => undefined);
  await until(async () => 'missing' in named(await read(), 'opening').parts.memory!);
  for (let cycle = 0; cycle < 3; cycle++) {
    const readings = await read();
    for (const name of ['drive', 'well']) expect(named(readings, name).parts).toMatchObject(wellRead);
    expect(named(readings, 'opening')).toMatchObject({
      instance: { state: 'running' },
      parts: {
        cpu: { count: 1 },
        memory: { missing: 'busy' },
        vnics: [{ traffic: { rxBytes: expect.any(BigInt) as unknown } }],
      },
    });
  }
  server.kill('SIGCONT');
  await opening;
  await until(async () => !('missing' in named(await read(), 'opening').parts.memory!));
});
