import type { InstanceReading } from '@nephoscope/core/instance';
import type { DomainStatsRecord, TypedValue } from '@nephoscope/libvirt';
import { FakeLibvirtd } from '@nephoscope/libvirt/testing';
import type { FakeDomain, Handler, ProcedureName } from '@nephoscope/libvirt/testing';

import { inspectorOf } from './support.js';
import type { TestInspector } from './support.js';

export const uuidOf = (id: number): string => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
export const tap = (id: number): string => `tap${id}`;

export const xmlOf = (
  id: number,
  more = '',
): string => `<domain type='qemu'><name>guest-${id}</name><vcpu>1</vcpu><devices>
  <disk type='file'><target dev='vda'/></disk><interface type='bridge'><target dev='${tap(id)}'/></interface>${more}</devices></domain>`;

/** The figures that QEMU's driver returns without its process, and those that need it. */
export const hostStats = (id: number): Record<string, TypedValue> => ({
  'state.state': 1,
  'cpu.time': 100n,
  'vcpu.current': 1,
  'vcpu.maximum': 1,
  'vcpu.0.delay': 5n,
  'balloon.current': 1024n,
  'net.count': 1,
  'net.0.name': tap(id),
  ...Object.fromEntries(['rx.bytes', 'rx.pkts', 'tx.bytes', 'tx.pkts'].map((name) => [`net.0.${name}`, 9n])),
  'block.count': 1,
  'block.0.name': 'vda',
});
export const processStats: Record<string, TypedValue> = {
  'balloon.rss': 2048n,
  ...Object.fromEntries(
    ['rd.bytes', 'rd.reqs', 'wr.bytes', 'wr.reqs', 'capacity', 'allocation', 'physical'].map((name) => [
      `block.0.${name}`,
      7n,
    ]),
  ),
};
export const guest = (id: number, more: Partial<FakeDomain> = {}): FakeDomain => ({
  name: `guest-${id}`,
  uuid: uuidOf(id),
  id,
  xml: xmlOf(id),
  stats: { ...hostStats(id), ...processStats },
  ...more,
});

/** The figures of a guest that is locked by another job. */
export const withoutProcess = (record: DomainStatsRecord): DomainStatsRecord => ({
  ...record,
  params: new Map([...record.params].filter(([name]) => !(name in processStats))),
});

export const busyPart = { missing: 'busy' };
export const never = new Promise<never>(() => undefined);

export let daemon: FakeLibvirtd;
let opened: TestInspector[];

/** Starts each test of a file with a daemon and no inspector, and closes everything. */
export function useFakeDaemon(): void {
  beforeEach(async () => {
    daemon = await FakeLibvirtd.listen();
    daemon.handle('connectGetUri', () => 'qemu:///system');
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ inspector }) => inspector.stop()));
    await daemon.close();
  });
}

export function inspectorFor(options: Record<string, unknown> = {}): TestInspector {
  const made = inspectorOf(daemon.uri, { deadline: 0.15, ...options });
  opened.push(made);
  return made;
}

export async function started(
  domains: readonly FakeDomain[],
  options?: Record<string, unknown>,
): Promise<TestInspector> {
  daemon.domains = [...domains];
  const made = inspectorFor(options);
  await made.inspector.start(new AbortController().signal);
  return made;
}

export const callsOf = (name: ProcedureName): number => daemon.calls.filter((call) => call.name === name).length;
export const names = (readings: readonly InstanceReading[]): string[] =>
  readings.map(({ instance }) => instance.name);
export const signal = new AbortController().signal;

/**
 * Answers the bulk call as libvirtd does when these guests hang: a call blocks in the first of them that no earlier call
 * is blocked in, and skips the others. Returns a function that lets them continue.
 */
export function hang(...hung: readonly string[]): { readonly goOn: () => void; readonly waiting: () => number } {
  let goOn = (): void => undefined;
  const again = new Promise<void>((resolve) => (goOn = resolve));
  const held = new Set<string>();
  const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', async (query) => {
    const listed = (query.domains ?? daemon.domains).map(({ uuid }) => uuid);
    const asksProcess = query.groups?.some((group) => ['vcpu', 'balloon', 'block'].includes(group));
    const found = daemon.domains.find(
      ({ name, uuid, id }) =>
        asksProcess && id >= 0 && hung.includes(name) && !held.has(name) && listed.includes(uuid),
    )?.name;
    if (found !== undefined) {
      held.add(found);
      await again;
      held.clear();
    }
    const records = await answer(query);
    return records.map((record) => {
      if (!held.has(record.domain.name)) return record;
      return withoutProcess(record);
    });
  });
  return {
    goOn: () => {
      daemon.handle('connectGetAllDomainStats', answer);
      goOn();
    },
    waiting: () => held.size,
  };
}
