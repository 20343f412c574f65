import type { Inspector } from '@nephoscope/core/inspector';
import type { Instance, InstanceReading } from '@nephoscope/core/instance';
import { FakeClock, FakeInspector, instanceReading, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { createDiscoveryMetrics } from '../../src/discovery/discovery-metrics.js';
import { discoverByNova } from '../../src/discovery/nova-discovery.js';
import { metric, ticks } from '../support.js';

import { changesSince, FakeNova, server, serversOfHost } from './fake-nova.js';

const signal = new AbortController().signal;
const parts = new Set(['cpu'] as const);
const id = (name: string) => String(server(name)['id']);
const minute = 60_000;

/** A reading of an instance in the recording, as the hypervisor returns it. */
function reading(name: string, instance: Partial<Instance> = {}): InstanceReading {
  const of = {
    id: id(name),
    name: `domain of ${name}`,
    displayName: 'by the hypervisor',
    projectId: 'by-libvirt',
  };
  return instanceReading({ instance: { ...of, ...instance } });
}

const [a1, a2, b1] = [reading('lab-a1'), reading('lab-a2'), reading('lab-b1')];
const stranger = instanceReading({ instance: { id: 'stranger', name: 'stranger', projectId: null } });
const newcomer = instanceReading({
  instance: { id: 'newcomer', name: 'newcomer', displayName: 'new', projectId: 'by-libvirt' },
});

async function discovery(...steps: readonly (readonly InstanceReading[])[]) {
  const nova = new FakeNova();
  const hypervisor = new FakeInspector(...steps);
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const inspector = discoverByNova({
    inspector: hypervisor,
    connect: () => Promise.resolve(nova),
    host: 'oslab-compute-1',
    timeLimit: 5_000,
    clock,
    logger,
    metrics: createDiscoveryMetrics(registry),
  });
  await inspector.start(signal);
  const warned = () => logger.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
  const read = async () => (await inspector.inspect(parts, signal)).map(({ instance }) => instance);
  const names = async () => (await read()).map(({ displayName }) => displayName);
  return { nova, hypervisor, clock, registry, inspector, warned, read, names, logger };
}

it('treats an invalid time of creation as missing, and logs it once', async () => {
  const { nova, clock, read, warned } = await discovery([a1, a2]);
  nova.servers = () => [server('lab-a1', { created: 'not a time' }), server('lab-a2', { created: 'None' })];
  for (let cycle = 0; cycle < 2; cycle++) {
    expect((await read()).map(({ createdAt }) => createdAt)).toEqual(['', '']);
    await clock.advance(minute);
  }
  expect(warned()).toEqual([
    "nova lists an instance with an invalid time in 'created': such instances are metered without 'created_at'",
  ]);
});

it("returns the instances that nova lists on this host, with the hypervisor's readings", async () => {
  const { nova, inspector } = await discovery([a1, b1]);
  const readings = await inspector.inspect(parts, signal);
  expect(readings).toEqual([
    {
      ...a1,
      parts: { cpu: a1?.parts.cpu },
      instance: expect.objectContaining({ displayName: 'lab-a1' }) as unknown,
    },
    {
      ...b1,
      parts: { cpu: b1?.parts.cpu },
      instance: expect.objectContaining({ displayName: 'lab-b1' }) as unknown,
    },
  ]);
  expect(readings[0]?.instance).toMatchObject({
    projectId: '909c4662f43441bcb7e3bece767e7d73',
    userId: 'c70bb536733a4dea97df02c5456070fd',
    flavor: { id: 'm1lab', name: 'm1.lab', memoryMb: 64 },
    state: 'running',
  });
  expect(nova.asked.map(({ path, query }) => [path, query])).toEqual([
    ['/v2.1/servers/detail', { all_tenants: 'true', host: 'oslab-compute-1' }],
    ['/v2.1/flavors/detail', { is_public: 'None' }],
  ]);
});

it('lists changes at most once a minute, and all instances every hour', async () => {
  const { nova, clock, read } = await discovery([a1, a2, b1]);
  await read();
  await clock.advance(10_000);
  await read();
  expect(nova.listings()).toEqual([undefined]);
  await clock.advance(minute);
  await read();
  await clock.advance(60 * minute);
  await read();
  // Changes since five minutes before the listing at 21:00:00; an hour and a minute later all.
  expect(nova.listings()).toEqual([undefined, '2026-11-22T20:55:00.000Z', undefined]);
});

it('applies changes: renamed, in error, deleted, recovered', async () => {
  const { nova, clock, names } = await discovery([a1, a2, b1]);
  expect(await names()).toEqual(['lab-a1', 'lab-a2', 'lab-b1']);
  const change = async (...changes: ReturnType<typeof server>[]) => {
    nova.changes = () => changes;
    await clock.advance(minute);
    return names();
  };
  const error = { status: 'ERROR', 'OS-EXT-STS:vm_state': 'error' };
  const deleted = { status: 'DELETED', 'OS-EXT-STS:vm_state': 'deleted' };
  expect(await change(server('lab-a1', { name: '名前' }), server('lab-a2', error))).toEqual(['名前', 'lab-b1']);
  expect(await change(server('lab-a2'), server('lab-b1', deleted))).toEqual(['名前', 'lab-a2']);
});

it('reads recorded changes, most of which are deletions', async () => {
  const { nova, clock, names, warned } = await discovery(
    [a1, a2, b1],
    [
      a1,
      a2,
      b1,
      ...changesSince.slice(0, 2).map((one) => instanceReading({ instance: { id: String(one['id']) } })),
    ],
  );
  await names();
  nova.changes = () => changesSince;
  await clock.advance(minute);
  expect(await names()).toEqual(['lab-a1', 'lab-a2', 'lab-b1']);
  expect(warned()).toEqual([]);
});

it('discards instances that moved away when all are listed', async () => {
  const { nova, clock, names } = await discovery([a1, a2, b1]);
  await names();
  nova.servers = () => [server('lab-b1')];
  await clock.advance(60 * minute);
  expect(await names()).toEqual(['lab-b1']);
});

it('lists at once for an instance that is new on this host, and logs once one that nova does not list', async () => {
  const { nova, clock, names, warned, registry } = await discovery([a1], [a1, newcomer, stranger]);
  await names();
  nova.changes = () => [server('lab-a1', { id: 'newcomer', name: 'came just now' })];
  expect(await names()).toEqual(['lab-a1', 'came just now']);
  expect(warned()).toEqual(['not metered because nova does not list them on the host oslab-compute-1: stranger']);
  expect(await metric(registry, 'nephoscope_nova_unknown_instances')).toBe(1);
  const before = nova.asked.length;
  await names();
  expect(nova.asked).toHaveLength(before);
  await clock.advance(minute);
  await names();
  expect(warned()).toHaveLength(1);
});

it('adds new flavors', async () => {
  const { nova, clock, read } = await discovery([a1]);
  await read();
  nova.changes = () => [server('lab-a1', { flavor: { id: 'm8new', links: [] } })];
  nova.flavors = () => [{ id: 'm8new', name: 'm8.new', vcpus: 3, ram: 512, disk: 7, swap: '' }];
  await clock.advance(minute);
  const [instance] = await read();
  expect(instance?.flavor).toMatchObject({ id: 'm8new', name: 'm8.new', vcpus: 3, swapMb: 0 });
});

it('returns equal instances as long as nothing changes, also after another listing', async () => {
  const { clock, nova, read } = await discovery([a1], [a1], [a1], [{ ...reading('lab-a1') }], [a1]);
  const [first] = await read();
  const [second] = await read();
  expect(second).toEqual(first);
  nova.changes = () => [server('lab-a1')];
  await clock.advance(60 * minute);
  expect((await read())[0]).toEqual(first);
  // The hypervisor returns a new object with equal content.
  expect((await read())[0]).toEqual(first);
  nova.changes = () => [server('lab-a1', { name: 'other' })];
  await clock.advance(minute);
  expect((await read())[0]).not.toEqual(first);
});

describe('while nova is unavailable', () => {
  it("uses the last list, with one warning, and the domain's facts for new instances", async () => {
    const { nova, clock, names, warned, registry, logger } = await discovery([a1], [a1, newcomer, stranger]);
    expect(await names()).toEqual(['lab-a1']);
    nova.before = () => Promise.reject(new Error('503'));
    for (let cycle = 1; cycle <= 3; cycle += 1) {
      await clock.advance(minute);
      expect(await names()).toEqual(['lab-a1', 'new']);
    }
    expect(warned()).toEqual([expect.stringContaining('nova cannot list instances')]);
    expect(await metric(registry, 'nephoscope_nova_failures_total')).toBe(3);

    nova.before = () => Promise.resolve();
    await clock.advance(minute);
    expect(await names()).toEqual(['lab-a1']);
    expect(logger.entries.filter(({ level }) => level === 'info')).toHaveLength(1);
    expect(await metric(registry, 'nephoscope_nova_answered_timestamp_seconds')).toBe(Number(clock.now()) / 1e9);
  });

  it("uses the domains' facts if nova was never available", async () => {
    const { nova, names } = await discovery([a1, stranger]);
    nova.before = () => Promise.reject(new Error('503'));
    expect(await names()).toEqual(['by the hypervisor']);
  });

  it('discards a listing that was interrupted', async () => {
    const { nova, clock, names } = await discovery([a1, a2]);
    await names();
    nova.servers = function* () {
      yield server('lab-a1', { name: 'half' });
      throw new Error('reset');
    } as unknown as typeof nova.servers;
    await clock.advance(60 * minute);
    expect(await names()).toEqual(['lab-a1', 'lab-a2']);
  });

  it('readings wait for nova for a limited time, and its response is used by the next ones', async () => {
    const { nova, clock, names } = await discovery([a1]);
    let answer = () => undefined as void;
    nova.before = () => new Promise((resolve) => (answer = resolve));
    const slow = names();
    await ticks();
    await clock.advance(5_000);
    expect(await slow).toEqual(['by the hypervisor']);
    nova.before = () => Promise.resolve();
    answer();
    await ticks();
    expect(await names()).toEqual(['lab-a1']);
  });

  it('a listing without end is cancelled', async () => {
    const { nova, clock, names, registry } = await discovery([a1]);
    nova.before = (given) =>
      new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason as Error)));
    const slow = names();
    await ticks();
    await clock.advance(5_000);
    await slow;
    await clock.advance(2 * minute);
    expect(await metric(registry, 'nephoscope_nova_failures_total')).toBe(1);
    nova.before = () => Promise.resolve();
    expect(await names()).toEqual(['lab-a1']);
  });
});

describe('a single instance', () => {
  async function single(one: InstanceReading, known: readonly InstanceReading[] = [a1 as InstanceReading]) {
    const hypervisor = new FakeInspector(known);
    const nova = new FakeNova();
    const inspector = discoverByNova({
      inspector: Object.assign(hypervisor, {
        inspectInstance: (wanted: string) => Promise.resolve(one.instance.id === wanted ? one : undefined),
        watch: () => () => undefined,
      }),
      connect: () => Promise.resolve(nova),
      host: 'oslab-compute-1',
      timeLimit: 5_000,
      clock: new FakeClock(),
      logger: new RecordingLogger(),
      metrics: createDiscoveryMetrics(new Registry()),
    });
    await inspector.start(signal);
    await inspector.inspect(parts, signal);
    const asked = nova.asked.length;
    const instance = (await inspector.inspectInstance?.(one.instance.id, parts, signal))?.instance;
    expect(nova.asked).toHaveLength(asked);
    expect(await inspector.inspectInstance?.('nowhere', parts, signal)).toBeUndefined();
    expect(inspector.watch).toBeDefined();
    return instance;
  }

  it("has nova's facts, without a request to nova", async () => {
    expect(await single(a1 as InstanceReading)).toMatchObject({ displayName: 'lab-a1' });
  });

  it("has the domain's facts if nova has not been asked since it appeared", async () => {
    expect(await single(newcomer)).toMatchObject({ displayName: 'new' });
    expect(await single(stranger)).toBeUndefined();
  });
});

describe('lifecycle', () => {
  const make = (hypervisor: Inspector, connect: () => Promise<FakeNova>) =>
    discoverByNova({
      inspector: hypervisor,
      connect,
      host: 'h',
      timeLimit: 5_000,
      clock: new FakeClock(),
      logger: new RecordingLogger(),
      metrics: createDiscoveryMetrics(new Registry()),
    });

  it("offers no optional methods that the hypervisor's inspector lacks", () => {
    const { start, stop, health, inspect } = new FakeInspector();
    const inspector = make({ start, stop, health, inspect }, () => Promise.resolve(new FakeNova()));
    expect(inspector.inspectInstance).toBeUndefined();
    expect(inspector.watch).toBeUndefined();
  });

  it('does not start without a cloud, and closes its connections when the hypervisor fails to start', async () => {
    const hypervisor = new FakeInspector();
    await expect(make(hypervisor, () => Promise.reject(new Error('no cloud'))).start(signal)).rejects.toThrow(
      'no cloud',
    );
    expect(hypervisor.health().ok).toBe(false);
    const nova = new FakeNova();
    const aborted = AbortSignal.abort(new Error('not now'));
    await expect(make(hypervisor, () => Promise.resolve(nova)).start(aborted)).rejects.toThrow('not now');
    expect(nova.closed).toBe(1);
  });

  it('stops before it started, twice, and during a request to nova, without a warning', async () => {
    await make(new FakeInspector(), () => Promise.resolve(new FakeNova())).stop();
    const { nova, inspector, warned, read } = await discovery([a1 as InstanceReading]);
    let given: AbortSignal | undefined;
    nova.before = (until) => {
      given = until;
      return new Promise((_, reject) => until.addEventListener('abort', () => reject(until.reason as Error)));
    };
    const reading = read();
    await ticks();
    await Promise.all([inspector.stop(), inspector.stop()]);
    expect(given?.aborted).toBe(true);
    await reading;
    expect(warned()).toEqual([]);
    expect(inspector.health().ok).toBe(false);
  });
});

it('the recording contains what the tests use', () => {
  expect(serversOfHost.map((one) => one['name'])).toEqual(['lab-b1', 'lab-a2', 'lab-a1']);
});
