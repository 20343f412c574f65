import { isMissing, isNephoscopeError } from '@nephoscope/core';
import type { InstanceReading } from '@nephoscope/core/instance';

import { freeze } from '../../../tools/testbed/freeze.js';
import { bootGuest } from '../../../tools/testbed/guest.js';
import type { Guest } from '../../../tools/testbed/guest.js';
import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';

import { inspectorOf, named, until } from './support.js';
import type { TestInspector } from './support.js';

let libvirtd: PrivateLibvirtd;
let guests: Guest[];
const opened: TestInspector[] = [];
beforeAll(async () => {
  libvirtd = await startLibvirtd();
  guests = await Promise.all(
    Array.from({ length: 5 }, (_, index) => bootGuest(libvirtd, { name: `guest-${index}` })),
  );
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ inspector }) => inspector.stop()));
});
afterAll(() => libvirtd.stop());

async function started(within?: number): Promise<TestInspector> {
  const uri = `qemu+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`;
  const made = inspectorOf(uri, {}, within);
  opened.push(made);
  await made.inspector.start(new AbortController().signal);
  return made;
}

const isWhole = ({ parts: { cpu, memory, disks, vnics } }: InstanceReading): boolean =>
  [cpu, memory, disks, vnics].every((part) => part !== undefined && !isMissing(part)) &&
  [...(disks as readonly { io: object; size: object }[])].every(
    ({ io, size }) => !isMissing(io) && !isMissing(size),
  );

const whole = (readings: readonly InstanceReading[]): string[] =>
  readings
    .filter(isWhole)
    .map(({ instance }) => instance.name)
    .sort();

async function frozen(names: readonly string[], work: () => Promise<void>): Promise<void> {
  const pids = await Promise.all(names.map((name) => libvirtd.guestPid(name)));
  for (const pid of pids) await freeze(pid);
  try {
    await work();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

const busy = { missing: 'busy' };
const all = ['guest-0', 'guest-1', 'guest-2', 'guest-3', 'guest-4'];

it("a stopped guest lacks only its process's figures, until it continues", async () => {
  const { read } = await started();
  expect(whole(await read())).toEqual(all);
  await frozen(['guest-2'], async () => {
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(whole(readings)).toEqual(all.filter((name) => name !== 'guest-2'));
      expect(named(readings, 'guest-2')).toMatchObject({
        instance: { state: 'running' },
        parts: {
          cpu: { count: 1, timeNs: expect.anything() as unknown },
          vnics: [{ traffic: { rxBytes: expect.anything() as unknown } }],
          memory: busy,
          disks: [{ disk: { device: 'vda' }, io: busy, size: busy }],
        },
      });
    }
  });
  await until(async () => whole(await read()).length === all.length);
});

it('guests that were suspended before the start are detected in the first reading', async () => {
  await frozen(['guest-0', 'guest-1', 'guest-4'], async () => {
    // Half of the first reading waits for the hung guests. The rest must suffice for the others even on a busy machine.
    const { read } = await started(10_000);
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(readings).toHaveLength(5);
      expect(whole(readings)).toEqual(['guest-2', 'guest-3']);
    }
  });
  const { read } = await started();
  await until(async () => whole(await read()).length === all.length);
});

it('a libvirtd that restarts is read again, and its guests continue their run', async () => {
  const { inspector, read } = await started();
  const before = await read();
  await libvirtd.kill();
  const failure: unknown = await read().catch((error: unknown) => error);
  expect(isNephoscopeError(failure, 'INSPECTOR_UNAVAILABLE')).toBe(true);
  expect(inspector.health()).toMatchObject({ ok: false });
  await libvirtd.start();
  await until(() => inspector.health().ok);
  const after = await read();
  for (const { name } of guests) expect(named(after, name).instance).toBe(named(before, name).instance);

  // A reading during the restart waits.
  const [during] = await Promise.all([
    until(async () => (await read().catch(() => [])).length === 5),
    libvirtd.restart(),
  ]);
  expect(during).toBeUndefined();
});

it('a libvirtd that is suspended is given up in time, and read again when it continues', async () => {
  const { inspector, read } = await started();
  await read();
  const pid = await libvirtd.pid();
  await freeze(pid);
  try {
    for (let cycle = 0; cycle < 2; cycle++) {
      const failure: unknown = await read().catch((error: unknown) => error);
      expect(isNephoscopeError(failure, 'INSPECTOR_UNAVAILABLE')).toBe(true);
    }
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await until(() => inspector.health().ok);
  await until(async () => whole(await read()).length === all.length);
});
