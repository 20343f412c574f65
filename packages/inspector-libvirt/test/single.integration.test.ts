import { isMissing } from '@nephoscope/core';
import type { LifecycleEvent } from '@nephoscope/core/inspector';
import type { CpuReading, InstanceReading } from '@nephoscope/core/instance';

import { freeze } from '../../../tools/testbed/freeze.js';
import { bootGuest } from '../../../tools/testbed/guest.js';
import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';

import { allParts, inspectorOf, until } from './support.js';
import type { TestInspector } from './support.js';

let libvirtd: PrivateLibvirtd;
const opened: TestInspector[] = [];
beforeAll(async () => {
  libvirtd = await startLibvirtd();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ inspector }) => inspector.stop()));
});
afterAll(() => libvirtd.stop());

async function started() {
  const made = inspectorOf(`qemu+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`);
  opened.push(made);
  const { signal } = new AbortController();
  await made.inspector.start(signal);
  const events: LifecycleEvent[] = [];
  made.inspector.watch((event) => events.push(event));
  const readOne = (uuid: string) => made.inspector.inspectInstance(uuid, allParts, signal);
  const told = (uuid: string) => events.filter((event) => event.instanceId === uuid).map(({ kind }) => kind);
  return { ...made, readOne, told };
}

const isWhole = (reading: InstanceReading | undefined): boolean =>
  reading !== undefined &&
  Object.values(reading.parts).every((part) => !isMissing(part)) &&
  (reading.parts.disks as readonly { io: object }[]).every(({ io }) => !isMissing(io));

it('a guest is reported and read when it starts, until it is killed', async () => {
  const { readOne, told } = await started();
  const guest = await bootGuest(libvirtd, {});
  await until(() => told(guest.uuid).includes('started'));
  await until(async () => isWhole(await readOne(guest.uuid)));
  const ending = guest.shutOff();
  // It responds, or fails in time, or is shut off, whichever comes first.
  const last = await readOne(guest.uuid).catch((error: unknown) => error);
  await ending;
  expect(last === undefined || last instanceof Error || 'parts' in (last as object)).toBe(true);
  await until(() => told(guest.uuid).includes('stopped'));
  expect((await readOne(guest.uuid))?.instance).toMatchObject({ state: 'shutoff', run: undefined });
  await guest.destroy();
  expect(await readOne(guest.uuid)).toBeUndefined();
});

it('a guest with halted CPUs is reported and read, in its previous run', async () => {
  const { inspector, readOne, told } = await started();
  const guest = await bootGuest(libvirtd, {});
  await until(async () => isWhole(await readOne(guest.uuid)));
  const before = await readOne(guest.uuid);
  const readings: Promise<InstanceReading | undefined>[] = [];
  inspector.watch(({ instanceId, kind }) => {
    if (instanceId === guest.uuid && kind === 'stopping') readings.push(readOne(guest.uuid));
  });
  await libvirtd.virsh('suspend', guest.uuid);
  await until(() => readings.length === 1);
  const halted = await readings[0];
  expect(halted?.instance).toMatchObject({ state: 'paused', run: before?.instance.run });
  await libvirtd.virsh('resume', guest.uuid);

  // To be saved it is halted as well, which is reported before it is gone.
  const file = `${libvirtd.directory}/${guest.name}.saved`;
  await libvirtd.virsh('save', guest.uuid, file);
  await until(() => told(guest.uuid).includes('stopped'));
  expect(told(guest.uuid).slice(-2)).toEqual(['stopping', 'stopped']);
  await Promise.allSettled(readings);
  await libvirtd.virsh('restore', file);
  await until(async () => isWhole(await readOne(guest.uuid)));
  expect((await readOne(guest.uuid))?.instance.run).not.toBe(before?.instance.run);
  await guest.destroy();
});

it('a guest that is reset continues its run, and its counts do not fall', async () => {
  const { readOne, told } = await started();
  const guest = await bootGuest(libvirtd, {});
  const cpuOf = (reading: InstanceReading | undefined) => (reading!.parts.cpu as CpuReading).timeNs;
  const writtenOf = (reading: InstanceReading | undefined) =>
    (reading!.parts.disks as readonly { io: { writeBytes: bigint } }[])[0]!.io.writeBytes;
  await until(async () => isWhole(await readOne(guest.uuid)) && writtenOf(await readOne(guest.uuid)) > 0n);
  const before = await readOne(guest.uuid);
  await libvirtd.virsh('reset', guest.uuid);
  const after = await readOne(guest.uuid);
  expect(after?.instance.run).toBe(before?.instance.run);
  expect(cpuOf(after)).toBeGreaterThanOrEqual(cpuOf(before));
  expect(writtenOf(after)).toBeGreaterThanOrEqual(writtenOf(before));
  expect(told(guest.uuid)).not.toContain('stopped');
  await guest.destroy();
});

it('suspended guests do not delay the others', async () => {
  const { read, readOne } = await started();
  const guests = await Promise.all(Array.from({ length: 6 }, () => bootGuest(libvirtd, {})));
  await until(async () => (await read()).filter(isWhole).length >= guests.length);
  const [well, ...frozen] = guests;
  const pids = await Promise.all(frozen.map(({ name }) => libvirtd.guestPid(name)));
  for (const pid of pids) await freeze(pid);
  try {
    const readings = frozen.map(({ uuid }) => readOne(uuid).catch((error: unknown) => error));
    expect(isWhole(await readOne(well!.uuid))).toBe(true);
    for (const reading of await Promise.all(readings)) {
      // The figures that the host's kernel has.
      expect(reading).toMatchObject({ parts: { cpu: { count: 1 }, memory: { missing: 'busy' } } });
    }
    expect(isWhole(await readOne(well!.uuid))).toBe(true);
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
  await until(async () => isWhole(await readOne(frozen[0]!.uuid).catch(() => undefined)));
  await Promise.all(guests.map((guest) => guest.destroy()));
});

it('starts and ends during an outage of libvirtd are reported afterwards', async () => {
  const { inspector, told, readOne } = await started();
  const [stays, ends] = await Promise.all([bootGuest(libvirtd, {}), bootGuest(libvirtd, {})]);
  await until(() => told(stays.uuid).length === 1 && told(ends.uuid).length === 1);
  const pid = await libvirtd.guestPid(ends.name);
  await libvirtd.kill();
  process.kill(pid, 'SIGKILL');
  await libvirtd.start();
  await until(() => inspector.health().ok);
  await until(() => told(ends.uuid).includes('stopped'));
  expect(told(stays.uuid)).toEqual(['started']);
  const later = await bootGuest(libvirtd, {});
  await until(() => told(later.uuid).includes('started'));
  await until(async () => isWhole(await readOne(later.uuid)));
});
