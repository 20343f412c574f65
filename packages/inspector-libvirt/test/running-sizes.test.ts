import type { Missing } from '@nephoscope/core';
import type { DiskSize } from '@nephoscope/core/instance';
import type { TypedValue } from '@nephoscope/libvirt';
import { FakeLibvirtd, Fault } from '@nephoscope/libvirt/testing';
import type { FakeDomain, Handler } from '@nephoscope/libvirt/testing';

import { inspectorOf, until } from './support.js';
import type { TestInspector } from './support.js';

const { signal } = new AbortController();
let daemon: FakeLibvirtd;
let reader: TestInspector;
beforeEach(async () => {
  daemon = await FakeLibvirtd.listen();
  daemon.handle('connectGetUri', () => 'qemu:///system');
});
afterEach(async () => {
  await reader.inspector.stop();
  await daemon.close();
});

const figures = (written: bigint): Record<string, TypedValue> => ({
  'rd.bytes': 1n,
  'rd.reqs': 1n,
  'wr.bytes': 1n,
  'wr.reqs': 1n,
  capacity: 100n,
  allocation: written,
  physical: 40n,
});
const stats = (written = 0n): Record<string, TypedValue> => ({
  'state.state': 1,
  'block.count': 1,
  'block.0.name': 'vda',
  ...Object.fromEntries(Object.entries(figures(written)).map(([name, value]) => [`block.0.${name}`, value])),
});
const guest = (id: number): FakeDomain => ({
  name: `guest-${id}`,
  uuid: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
  id,
  xml: `<domain><devices><disk type='file'><driver type='qcow2'/><source file='/${id}'/><target dev='vda'/></disk></devices></domain>`,
  stats: stats(),
  blockInfo: { vda: { capacity: 100n, allocation: 40n, physical: 50n } },
});

async function start(...domains: FakeDomain[]): Promise<void> {
  daemon.domains = domains;
  reader = inspectorOf(daemon.uri);
  await reader.inspector.start(signal);
}

async function sizes(): Promise<readonly (DiskSize | Missing)[]> {
  const readings = await reader.read(new Set(['disks']));
  return readings.map(({ parts: { disks } }) => {
    if (disks === undefined || 'missing' in disks) throw new Error('the disks are missing');
    expect(disks[0]!.io).toMatchObject({ readBytes: 1n });
    return disks[0]!.size;
  });
}
const questions = (): number => daemon.calls.filter(({ name }) => name === 'domainGetBlockInfo').length;
const whole = { capacity: 100n, allocation: 40n, physical: 50n };

it('are queried once, and again when an image was written to', async () => {
  await start(guest(1), guest(2), guest(3));
  expect(await sizes()).toEqual([whole, whole, whole]);
  expect(await sizes()).toEqual([whole, whole, whole]);
  expect(questions()).toBe(3);
  daemon.domains = [
    { ...guest(1), stats: stats(60n), blockInfo: { vda: { capacity: 100n, allocation: 40n, physical: 60n } } },
    guest(2),
    { ...guest(3), id: 4 },
  ];
  expect(await sizes()).toEqual([{ ...whole, physical: 60n }, whole, whole]);
  expect(questions()).toBe(5);
  expect(await reader.inspector.inspectInstance(guest(1).uuid, new Set(['disks']), signal)).toMatchObject({
    parts: { disks: [{ size: { physical: 60n } }] },
  });
  expect(questions()).toBe(5);
});

it('are not queried in a reading of one instance, which reports them missing without an error', async () => {
  await start(guest(1));
  const read = () => reader.inspector.inspectInstance(guest(1).uuid, new Set(['disks']), signal);
  const physical = { missing: 'unsupported', detail: expect.stringMatching(/next reading of all/) as unknown };
  expect(await read()).toMatchObject({ parts: { disks: [{ size: { ...whole, physical } }] } });
  expect(questions()).toBe(0);
  await sizes();
  daemon.domains = [{ ...guest(1), stats: stats(60n) }];
  expect(await read()).toMatchObject({ parts: { disks: [{ size: { ...whole, physical } }] } });
  expect(await sizes()).toEqual([whole]);
});

it("are missing, with the disk's name, if a call is not answered; the others follow in the next reading", async () => {
  await start(...[1, 2, 3, 4, 5, 6, 7, 8].map(guest));
  let goOn = (): void => undefined;
  const again = new Promise<void>((resolve) => (goOn = resolve));
  const answer: Handler<'domainGetBlockInfo'> = daemon.handle('domainGetBlockInfo', async (query) => {
    if (query.domain.name === 'guest-1') await again;
    return answer(query);
  });
  const missing = { ...whole, physical: { missing: 'busy' } };
  expect(await sizes()).toEqual([
    expect.objectContaining({ ...missing, physical: expect.objectContaining({ missing: 'busy' }) as unknown }),
    ...Array(7).fill(whole),
  ]);
  expect(reader.logged).toEqual([expect.stringMatching(/warn: .*vda of guest-1/)]);
  const asked = questions();
  expect((await sizes())[0]).toMatchObject(missing);
  expect(questions()).toBe(asked);
  goOn();
  await until(async () => (await sizes()).length > 0 && questions() > asked);
  expect((await sizes())[0]).toEqual(whole);
}, 20_000);

it('are missing with the reason if libvirt cannot determine them', async () => {
  await start(guest(1));
  daemon.handle('domainGetBlockInfo', () => {
    throw new Fault(38, 'cannot stat /1: Stale file handle');
  });
  const physical = { missing: 'error', detail: expect.stringMatching(/Stale file handle/) as unknown };
  expect(await sizes()).toEqual([{ ...whole, physical }]);
});
