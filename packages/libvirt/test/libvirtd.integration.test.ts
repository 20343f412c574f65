import { setTimeout as delay } from 'node:timers/promises';

import { freeze } from '../../../tools/testbed/freeze.js';
import { bootGuest, type Guest } from '../../../tools/testbed/guest.js';
import { type PrivateLibvirtd, startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import { sharedLibvirtd } from '../../../tools/testbed/shared.js';
import {
  type Connection,
  connect,
  type DeviceEvent,
  type Domain,
  DomainState,
  isNoDomain,
  isOperationInvalid,
  isUnsupported,
  type LifecycleEvent,
  LifecycleEventType,
  TimeoutError,
  type TypedValue,
} from '../src/index.js';
import { waitUntil } from '../../../tools/testbed/processes.js';

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );
const until = (holds: () => boolean): Promise<void> => waitUntil(String(holds), holds);

/** The lines `name=value` that virsh prints. */
const virshFigures = (text: string): Map<string, string> =>
  new Map([...text.matchAll(/^\s+([^\s=]+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]));

/** The figure was read between two calls of virsh: it is between their figures, or equal if these are equal. */
function expectBetween(name: string, before: string, ours: TypedValue | undefined, after: string): void {
  if (before === after) {
    const sameNumber = typeof ours === 'number' && ours === Number(before);
    if (!sameNumber) expect(`${name}=${String(ours)}`).toBe(`${name}=${before}`);
    return;
  }
  expect(['number', 'bigint']).toContain(typeof ours);
  expect(BigInt(ours as number | bigint)).toBeGreaterThanOrEqual(BigInt(before));
  expect(BigInt(ours as number | bigint)).toBeLessThanOrEqual(BigInt(after));
}

describe('QEMU', () => {
  const { socketReadOnly, virsh } = sharedLibvirtd();
  let connection: Connection;
  let guest: Domain;
  beforeAll(async () => {
    connection = await connect(`qemu+unix:///system?socket=${encodeURIComponent(socketReadOnly)}`);
    guest = await connection.lookupDomainByName('testbed-double');
  });
  afterAll(() => connection.close());

  it('is found by name, UUID and id, and in the list', async () => {
    expect(guest.id).toBeGreaterThan(0);
    expect(await connection.lookupDomainByUuid(guest.uuid)).toEqual(guest);
    expect(await connection.lookupDomainById(guest.id)).toEqual(guest);
    expect(await connection.listAllDomains({ active: true })).toContainEqual(guest);
    expect(await connection.listAllDomains({ inactive: true })).not.toContainEqual(guest);
  });

  it('has the same facts about the host and itself as virsh', async () => {
    expect(await connection.hostname()).toBe((await virsh('hostname')).trim());
    expect(await connection.uri()).toBe('qemu:///system');
    const version = await virsh('version');
    expect(version).toContain(`API: QEMU ${await connection.libVersion()}`);
    expect(version).toContain(`hypervisor: QEMU ${await connection.version()}`);
    const node = await connection.nodeInfo();
    const text = await virsh('nodeinfo');
    expect(text).toMatch(new RegExp(`CPU\\(s\\): +${node.cpus}\n`));
    expect(text).toMatch(new RegExp(`CPU model: +${node.model}\n`));
    expect(text).toMatch(new RegExp(`Memory size: +${node.memoryKib} KiB`));
    expect(await connection.capabilities()).toContain('<capabilities>');
  });

  it('has all figures of virsh domstats', async () => {
    const before = virshFigures(await virsh('domstats', guest.name));
    const [record] = await connection.allDomainStats({ domains: [guest] });
    const after = virshFigures(await virsh('domstats', guest.name));
    expect(record!.domain).toEqual(guest);
    expect(record!.params.get('block.count')).toBe(2);
    expect(record!.params.get('net.count')).toBe(2);
    expect([...record!.params.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [name, figure] of before) {
      if (/^(balloon\.rss|block\.\d+\.path|balloon\.last-update)$/.test(name)) continue;
      expectBetween(name, figure, record!.params.get(name), after.get(name)!);
    }
  });

  it("has virsh's figures for each device", async () => {
    const xml = await connection.domainXml(guest);
    const [tap] = /(?<=<target dev=')tap[^']+/.exec(xml)!;
    const read = async () => {
      const figures = (text: string) =>
        text
          .trim()
          .split('\n')
          .map((line) => line.split(' ').slice(-2) as [string, string]);
      return new Map([
        ...figures(await virsh('domblkstat', guest.name, 'vda')),
        ...figures(await virsh('domifstat', guest.name, tap)),
      ]);
    };
    const before = await read();
    const block = await connection.domainBlockStats(guest, 'vda');
    const nic = await connection.domainInterfaceStats(guest, tap);
    const flags = await connection.domainBlockStatsFlags(guest, 'vda');
    const after = await read();
    const ours = {
      rd_req: block.readRequests,
      rd_bytes: block.readBytes,
      wr_req: block.writeRequests,
      wr_bytes: block.writeBytes,
      rx_bytes: nic.rxBytes,
      rx_packets: nic.rxPackets,
      rx_errs: nic.rxErrors,
      rx_drop: nic.rxDrop,
      tx_bytes: nic.txBytes,
      tx_packets: nic.txPackets,
      tx_errs: nic.txErrors,
      tx_drop: nic.txDrop,
      flush_operations: flags.get('flush_operations'),
      rd_total_times: flags.get('rd_total_times'),
    };
    for (const [name, figure] of Object.entries(ours))
      expectBetween(name, before.get(name)!, figure, after.get(name)!);
    expect(block.errors).toBeUndefined();
    const info = await connection.domainBlockInfo(guest, 'vda');
    const sizes = [...(await virsh('domblkinfo', guest.name, 'vda')).matchAll(/^(\w+): +(\d+)$/gm)];
    expect(info).toEqual(Object.fromEntries(sizes.map(([, name, size]) => [name!.toLowerCase(), BigInt(size!)])));
    expect(info.capacity).toBe(1_048_576n);
  });

  it('has its state, memory and XML', async () => {
    expect(await connection.domainInfo(guest)).toMatchObject({ state: DomainState.running, vcpus: 1 });
    const memory = await connection.domainMemoryStats(guest);
    expect(memory.actualBalloon).toBeGreaterThan(0n);
    expect(memory.rss).toBeGreaterThan(0n);
    // Only a running domain has an id; other elements may have ids as well.
    expect(await connection.domainXml(guest)).toMatch(new RegExp(`^<domain [^>]*\\bid='${guest.id}'`));
    expect(await connection.domainXml(guest, { inactive: true })).toMatch(/^<domain type='qemu'>/);
  });

  it("is refused with libvirt's codes", async () => {
    expect(isNoDomain(await failure(connection.lookupDomainByName('no such domain')))).toBe(true);
    const denied = await failure(connection.domainXml(guest, { secure: true }));
    expect(denied).toMatchObject({ code: 'LIBVIRT_REMOTE', libvirtCode: 29 });
  });
});

describe('a guest that is started, changed and stopped', () => {
  const shared = sharedLibvirtd();

  it('is reported by events, and has no figures of its run when it is shut off', async () => {
    const connection = await connect(`qemu+unix:///system?socket=${encodeURIComponent(shared.socketReadOnly)}`);
    const lifecycle: LifecycleEvent[] = [];
    const added: DeviceEvent[] = [];
    const unsubscribe = await connection.onLifecycle((event) => lifecycle.push(event));
    await connection.onDeviceAdded((event) => added.push(event));
    const guest = await bootGuest(shared);
    try {
      const mine = () => lifecycle.filter(({ domain }) => domain.uuid === guest.uuid).map(({ event }) => event);
      await until(() => mine().includes(LifecycleEventType.started));
      await guest.attachDisk();
      await until(() => added.some(({ domain }) => domain.uuid === guest.uuid));
      await guest.shutOff();
      await until(() => mine().includes(LifecycleEventType.stopped));
      const domain = await connection.lookupDomainByUuid(guest.uuid);
      expect(domain.id).toBe(-1);
      expect(await connection.listAllDomains({ inactive: true })).toContainEqual(domain);
      expect(isOperationInvalid(await failure(connection.domainBlockStats(domain, 'vda')))).toBe(true);
      await unsubscribe();
      await guest.start();
      const { id } = await connection.lookupDomainByUuid(guest.uuid);
      expect(id).toBeGreaterThan(0);
      expect(mine().filter((event) => event === LifecycleEventType.started)).toHaveLength(1);
    } finally {
      await guest.destroy();
    }
    expect(isNoDomain(await failure(connection.lookupDomainByUuid(guest.uuid)))).toBe(true);
    await connection.close();
  });
});

describe('the test driver', () => {
  it('answers a thousand pipelined calls', async () => {
    const connection = await connect(
      `test+unix:///default?socket=${encodeURIComponent(sharedLibvirtd().socketReadOnly)}`,
    );
    const domain = await connection.lookupDomainByName('test');
    const infos = await Promise.all(Array.from({ length: 1_000 }, () => connection.domainInfo(domain)));
    expect(infos.every(({ state }) => state === DomainState.running)).toBe(true);
    expect(isUnsupported(await failure(connection.domainBlockStatsFlags(domain, 'vda')))).toBe(true);
    await connection.close();
  });
});

describe('a libvirtd that fails', () => {
  let libvirtd: PrivateLibvirtd;
  let guest: Guest;
  const uri = () => `qemu+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`;
  beforeAll(async () => {
    libvirtd = await startLibvirtd();
    guest = await bootGuest(libvirtd);
  });
  afterAll(() => libvirtd.stop());

  it('by a hung guest does not affect other guests: the call hangs, the next one continues, the late answer is detected', async () => {
    const connection = await connect(uri());
    const other = await bootGuest(libvirtd);
    const pid = await libvirtd.guestPid(guest.name);
    await freeze(pid);
    try {
      const query = { flags: { active: true, nowait: true } };
      const hung = (await failure(connection.allDomainStats(query, { timeout: 1_000 }))) as TimeoutError;
      expect(hung).toBeInstanceOf(TimeoutError);
      expect(connection.abandonedCalls).toBe(1);
      const records = await connection.allDomainStats(query);
      const figures = (uuid: string) => records.find(({ domain }) => domain.uuid === uuid)!.params;
      expect(figures(other.uuid).has('block.0.rd.bytes')).toBe(true);
      expect(figures(guest.uuid).has('block.0.rd.bytes')).toBe(false);
      process.kill(pid, 'SIGCONT');
      await hung.late;
      expect(connection.abandonedCalls).toBe(0);
      const again = await connection.allDomainStats(query);
      expect(again.find(({ domain }) => domain.uuid === guest.uuid)!.params.has('block.0.rd.bytes')).toBe(true);
    } finally {
      process.kill(pid, 'SIGCONT');
      await other.destroy();
    }
    await connection.close();
  });

  it('is not reported as hung while it answers keepalive requests, even if it did not expect them', async () => {
    const connection = await connect(uri(), { keepalive: { interval: 100, count: 10 } });
    const longer = 1_500;
    expect(await Promise.race([connection.closed, delay(longer, 'open')])).toBe('open');
    await connection.close();
  });

  it('by hanging is detected', async () => {
    const connection = await connect(uri(), { keepalive: { interval: 100, count: 2 } });
    const pid = await libvirtd.pid();
    await freeze(pid);
    try {
      expect(await connection.closed).toMatchObject({ code: 'LIBVIRT_KEEPALIVE' });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it('by dying ends the connection; when it is restarted, its guest is unchanged', async () => {
    const connection = await connect(uri());
    const before = await connection.lookupDomainByUuid(guest.uuid);
    await libvirtd.kill();
    expect(await connection.closed).toMatchObject({ code: 'LIBVIRT_CONNECTION_CLOSED' });
    expect(await failure(connect(uri()))).toMatchObject({ code: 'LIBVIRT_CONNECT' });
    await libvirtd.start();
    const second = await connect(uri());
    expect(await second.lookupDomainByUuid(guest.uuid)).toEqual(before);
    await second.close();
  });
});
