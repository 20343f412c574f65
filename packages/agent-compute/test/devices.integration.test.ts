import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import type { Clock, Logger } from '@nephoscope/core';
import type { InstanceReading } from '@nephoscope/core/instance';
import inspectorPlugin from '@nephoscope/inspector-libvirt';
import { pollCounters } from '@nephoscope/testing';

import { bundle } from '../../../tools/testbed/bundle.js';
import { bootGuest } from '../../../tools/testbed/guest.js';
import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { Epochs } from '../src/epochs.js';
import diskDevice from '../src/pollsters/disk-device.js';
import diskio from '../src/pollsters/diskio.js';
import net from '../src/pollsters/net.js';

const mebi = 1024n * 1024n;
const { signal } = new AbortController();
const clock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  monotonic: () => process.hrtime.bigint(),
  sleep: async (ms) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
  },
};
const nothing = () => undefined;
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

let libvirtd: PrivateLibvirtd;
let inspector: ReturnType<typeof inspectorPlugin.create>;
let epochs: Epochs;
/** The last volume in each epoch of each series. */
let recorded: Map<string, Map<string, bigint>>;

async function startAgent(): Promise<void> {
  const uri = `qemu+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`;
  const options = inspectorPlugin.options.parse({ uri });
  inspector = inspectorPlugin.create({ options, logger, clock, host: 'compute-1' });
  await inspector.start(signal);
}

/** Starts a new agent that knows only what is on disk. */
async function restartAgent(meanwhile: () => Promise<unknown>): Promise<void> {
  await inspector.stop();
  const stored = JSON.parse(JSON.stringify(epochs)) as ReturnType<Epochs['toJSON']>;
  await meanwhile();
  epochs = new Epochs(stored);
  await startAgent();
}

async function read(): Promise<InstanceReading> {
  const readings = await inspector.inspect(new Set(['disks']), signal);
  const reading = readings.find(({ instance }) => instance.name === 'vm')!;
  await record(reading, [diskio, diskDevice]);
  return reading;
}

async function record(reading: InstanceReading, pollsters: readonly unknown[]): Promise<void> {
  for (const plugin of pollsters as never[]) {
    const { counters, totals } = await pollCounters(plugin, reading);
    const summed = new Set(totals.map(({ name }) => name));
    const made = [...totals, ...counters.filter(({ name }) => !summed.has(name))];
    for (const one of made) {
      const { counter, epoch } = epochs.settle(one, reading.instance, 0)!;
      if (epoch === undefined) continue;
      const key = `${counter.name} ${counter.resourceId.replace(reading.instance.id, 'vm')}`;
      const series = recorded.get(key) ?? new Map<string, bigint>();
      recorded.set(key, series);
      expect(BigInt(counter.volume)).toBeGreaterThanOrEqual(series.get(epoch) ?? 0n);
      series.set(epoch, BigInt(counter.volume));
    }
  }
}

const total = (series: string): bigint =>
  [...(recorded.get(series)?.values() ?? [])].reduce((sum, volume) => sum + volume, 0n);
const epochCount = (series: string): number => recorded.get(series)?.size ?? 0;

const diskXml = (image: string, device: string) =>
  `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${libvirtd.directory}/${image}'/>` +
  `<target dev='${device}' bus='scsi'/></disk>`;

/** Reads this much from a disk, as its guest would. */
async function work(device: string, bytes: bigint): Promise<void> {
  const xml = await libvirtd.virsh('dumpxml', 'vm');
  const disk = xml.split('<disk ').find((one) => one.includes(`dev='${device}'`))!;
  const alias = /<alias name='([^']+)'/.exec(disk)![1];
  // Of these commands only asynchronous ones are counted like a guest's.
  for (const command of [`aio_read 0 ${bytes}`, 'aio_flush'])
    await libvirtd.virsh('qemu-monitor-command', 'vm', '--hmp', `qemu-io -d ${alias} "${command}"`);
}

const attach = () => libvirtd.virsh('attach-device', 'vm', `${libvirtd.directory}/data.xml`, '--live');
const detach = () => libvirtd.virsh('detach-device', 'vm', `${libvirtd.directory}/data.xml`, '--live');

beforeAll(async () => {
  libvirtd = await startLibvirtd();
});
afterAll(() => libvirtd.stop());

beforeEach(async () => {
  const { directory, virsh } = libvirtd;
  for (const image of ['root.raw', 'data.raw', 'other.raw']) {
    await writeFile(`${directory}/${image}`, '');
    await truncate(`${directory}/${image}`, 16 << 20);
  }
  await writeFile(`${directory}/data.xml`, diskXml('data.raw', 'sdb'));
  await writeFile(
    `${directory}/vm.xml`,
    `<domain type='qemu'><name>vm</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>` +
      `<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>` +
      `${diskXml('root.raw', 'sda')}<controller type='scsi' index='0' model='virtio-scsi'/>` +
      `<controller type='usb' model='none'/><video><model type='none'/></video></devices></domain>`,
  );
  await virsh('create', `${directory}/vm.xml`, '--paused');
  epochs = new Epochs();
  recorded = new Map();
  await startAgent();
});
afterEach(async () => {
  await inspector.stop();
  await libvirtd.virsh('destroy', 'vm');
});

it('counts a disk once that is attached and detached repeatedly', async () => {
  await work('sda', 8n * mebi);
  let used = 0n;
  for (let round = 0; round < 3; round++) {
    await attach();
    await work('sdb', 4096n);
    await read();
    used += 4096n;
    await detach();
    await read();
  }
  expect(total('disk.read.bytes vm')).toBeGreaterThanOrEqual(8n * mebi + used);
  expect(total('disk.read.bytes vm')).toBe(
    total('disk.device.read.bytes vm-sda') + total('disk.device.read.bytes vm-sdb'),
  );
  expect(epochCount('disk.device.read.bytes vm-sdb')).toBe(3);
  expect(epochCount('disk.device.read.bytes vm-sda')).toBe(1);
  expect(epochCount('disk.read.bytes vm')).toBe(1);
}, 60_000);

it.each([
  ['between two readings', (replace: () => Promise<unknown>) => replace()],
  ['while no agent ran', (replace: () => Promise<unknown>) => restartAgent(replace)],
])(
  'starts a new epoch for a disk that is replaced %s by one with a higher count',
  async (_, meanwhile) => {
    await attach();
    await work('sdb', 1n * mebi);
    await read();
    await meanwhile(async () => {
      await detach();
      await attach();
      await work('sdb', 3n * mebi);
    });
    await read();
    expect([...recorded.get('disk.device.read.bytes vm-sdb')!.values()]).toEqual([1n * mebi, 3n * mebi]);
    expect(total('disk.read.bytes vm')).toBe(total('disk.device.read.bytes vm-sda') + 4n * mebi);
  },
  60_000,
);

it.each([
  ['with the agent', (change: () => Promise<unknown>) => change().then(read)],
  ['while no agent ran', (change: () => Promise<unknown>) => restartAgent(change)],
])(
  'a snapshot and its commit cause no new epoch, %s',
  async (_, each) => {
    const { virsh } = libvirtd;
    const overlay = join(await mkdtemp(join(libvirtd.directory, 'snapshot-')), 'overlay.qcow2');
    await work('sda', 1n * mebi);
    await read();
    await each(() =>
      virsh('snapshot-create-as', 'vm', 's', '--disk-only', '--no-metadata', '--diskspec', `sda,file=${overlay}`),
    );
    await work('sda', 1n * mebi);
    await read();
    await each(() => virsh('blockcommit', 'vm', 'sda', '--active', '--pivot', '--wait'));
    await work('sda', 1n * mebi);
    await read();
    expect(epochCount('disk.device.read.bytes vm-sda')).toBe(1);
    expect(total('disk.read.bytes vm')).toBe(total('disk.device.read.bytes vm-sda'));
  },
  60_000,
);

it('a copy that replaces its disk continues the epoch', async () => {
  const { directory, virsh } = libvirtd;
  await work('sda', 1n * mebi);
  await read();
  await virsh('blockcopy', 'vm', 'sda', `${directory}/copy.raw`, '--transient-job', '--wait', '--pivot');
  await work('sda', 1n * mebi);
  await read();
  await restartAgent(() => Promise.resolve());
  await read();
  expect(epochCount('disk.device.read.bytes vm-sda')).toBe(1);
  expect(total('disk.read.bytes vm')).toBe(total('disk.device.read.bytes vm-sda'));
}, 60_000);

it('a drive whose medium is changed, removed and inserted continues the epoch', async () => {
  const { directory, virsh } = libvirtd;
  const drive = `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${directory}/data.raw'/><target dev='sdc' bus='scsi'/><readonly/></disk>`;
  await virsh('destroy', 'vm');
  const xml = await readFile(`${directory}/vm.xml`, 'utf8');
  await writeFile(
    `${directory}/vm.xml`,
    xml.replace("<controller type='scsi'", `${drive}<controller type='scsi'`),
  );
  await virsh('create', `${directory}/vm.xml`, '--paused');
  await work('sdc', 1n * mebi);
  await read();
  const first = recorded.get('disk.device.read.bytes vm-sdc')!;
  await virsh('change-media', 'vm', 'sdc', `${directory}/other.raw`, '--live', '--update', '--force');
  await work('sdc', 1n * mebi);
  await read();
  await restartAgent(() => virsh('change-media', 'vm', 'sdc', '--eject', '--live', '--force'));
  await read();
  await virsh('change-media', 'vm', 'sdc', `${directory}/data.raw`, '--live', '--insert', '--force');
  await work('sdc', 1n * mebi);
  await read();
  expect(first.size).toBe(1);
  expect(total('disk.device.read.bytes vm-sdc')).toBe(3n * mebi);
  expect(total('disk.read.bytes vm')).toBe(total('disk.device.read.bytes vm-sda') + 3n * mebi);
}, 60_000);

it('starts a new epoch for a card that is unplugged and plugged in under the same name', async () => {
  const { directory, virsh } = libvirtd;
  const guest = await bootGuest(libvirtd, { name: 'talker' });
  const [{ tap, mac } = { tap: '', mac: '' }] = guest.nics;
  // The agent reads a tap in the network namespace of the tap.
  const uri = `qemu+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`;
  const script = await bundle(new URL('read-cards.ts', import.meta.url));
  const inside = ['--net', '--mount', `--wd=${process.cwd()}`, '--target', String(await libvirtd.pid())];
  const reader = spawn('nsenter', [...inside, process.execPath, script, uri], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
    const readCard = async () => {
      reader.stdin.write('\n');
      const { value } = (await lines.next()) as { value: string };
      const readings = JSON.parse(value, (_key, one: unknown) =>
        typeof one === 'object' && one !== null && 'bigint' in one ? BigInt(one.bigint as string) : one,
      ) as InstanceReading[];
      const reading = readings.find(({ instance }) => instance.name === 'talker')!;
      await record(reading, [net]);
      const { vnics } = reading.parts;
      return vnics === undefined || 'missing' in vnics ? undefined : vnics[0]?.vnic.plugging;
    };
    const first = await readCard();
    expect(first).toHaveLength(1);
    expect(await readCard()).toEqual(first);
    await writeFile(
      `${directory}/card.xml`,
      `<interface type='ethernet'><mac address='${mac}'/><target dev='${tap}'/><model type='ne2k_pci'/><rom enabled='no'/></interface>`,
    );
    // A guest that does not respond releases its card only on a reset.
    await virsh('detach-device', 'talker', `${directory}/card.xml`, '--live').catch(() => undefined);
    await virsh('reset', 'talker');
    await waitUntil('the card is gone', async () => !(await virsh('domiflist', 'talker')).includes(tap));
    await virsh('attach-device', 'talker', `${directory}/card.xml`, '--live');
    const second = await readCard();
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
    const [series] = [...recorded.keys()].filter((key) => key.startsWith('network.incoming.bytes'));
    expect(epochCount(series!)).toBe(2);
  } finally {
    reader.stdin.end();
    if (reader.exitCode === null) await once(reader, 'exit');
    await guest.destroy();
  }
}, 90_000);
