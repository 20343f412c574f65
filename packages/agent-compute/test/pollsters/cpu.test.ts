import type { Missing } from '@nephoscope/core';
import { exampleMetadata, instanceReading, pollCounters, shutOffReading } from '@nephoscope/testing';

import cpu from '../../src/pollsters/cpu.js';
import { volumes } from './volumes.js';

async function utilisationAfter(
  seconds: number,
  from: { timeNs: bigint },
  to: { timeNs: bigint; count?: number },
) {
  const previous = instanceReading({ cpu: from });
  const { counters } = await pollCounters(cpu, instanceReading({ cpu: to, at: seconds }), { previous });
  return volumes(counters)['cpu_util'];
}

const vcpus = [
  { number: 0, timeNs: 300_000_000_001n, waitNs: 7n },
  { number: 2, timeNs: 200_000_000_000n, waitNs: 10n },
];

it('counts CPU time, and states the number of CPUs', async () => {
  const reading = instanceReading({ cpu: { count: 3, timeNs: 754_120_000_001n, vcpus } });
  const { counters, missing } = await pollCounters(cpu, reading);
  expect(missing).toEqual([]);
  expect(
    counters.map(({ name, type, unit, volume, resourceId }) => ({ name, type, unit, volume, resourceId })),
  ).toEqual([
    { name: 'cpu', type: 'cumulative', unit: 'ns', volume: 754_120_000_001n, resourceId: reading.instance.id },
    { name: 'cpu_util', type: 'gauge', unit: '%', volume: 0, resourceId: reading.instance.id },
    { name: 'vcpus', type: 'gauge', unit: 'vcpu', volume: 3, resourceId: reading.instance.id },
    {
      name: 'cpu.vcpu',
      type: 'cumulative',
      unit: 'ns',
      volume: 500_000_000_001n,
      resourceId: reading.instance.id,
    },
    {
      name: 'cpu.overhead',
      type: 'cumulative',
      unit: 'ns',
      volume: 254_120_000_000n,
      resourceId: reading.instance.id,
    },
    { name: 'cpu.wait', type: 'cumulative', unit: 'ns', volume: 17n, resourceId: reading.instance.id },
  ]);
  for (const { resourceMetadata, timestamp } of counters) {
    expect(resourceMetadata).toEqual({ ...exampleMetadata(reading.instance), cpu_number: 3 });
    expect(timestamp).toBe(reading.readAt);
  }
});

it('returns the share of all its CPUs that was used since the previous reading', async () => {
  expect(await utilisationAfter(10, { timeNs: 0n }, { timeNs: 5_000_000_000n, count: 1 })).toBe(50);
  expect(await utilisationAfter(10, { timeNs: 0n }, { timeNs: 5_000_000_000n, count: 4 })).toBe(12.5);
  expect(await utilisationAfter(600, { timeNs: 1n }, { timeNs: 1n, count: 2 })).toBe(0);
  expect(await utilisationAfter(3, { timeNs: 0n }, { timeNs: 1_000_000_000n, count: 1 })).toBe(100 / 3);
});

it('is exact beyond 2^53, where a double could not distinguish the two readings', async () => {
  const start = 2n ** 62n + 1n;
  expect(Number(start + 1n)).toBe(Number(start));
  expect(await utilisationAfter(1, { timeNs: start }, { timeNs: start + 10_000_000n, count: 1 })).toBe(1);
  expect(await utilisationAfter(1, { timeNs: start }, { timeNs: start + 1n, count: 1 })).toBe(1e-7);
  const { counters } = await pollCounters(cpu, instanceReading({ cpu: { timeNs: start } }));
  expect(volumes(counters)['cpu']).toBe(start);
});

it('counts all use of the new run after a restart, detected by a volume that fell', async () => {
  expect(await utilisationAfter(10, { timeNs: 754_120_000_000n }, { timeNs: 2_000_000_000n, count: 1 })).toBe(20);
});

it('counts all use of the new run after a restart, even if it is higher by now', async () => {
  const previous = instanceReading({ cpu: { timeNs: 1_000_000_000n, count: 1 } });
  const reading = instanceReading({
    instance: { run: 'boot-1/2' },
    cpu: { timeNs: 2_000_000_000n, count: 1 },
    at: 10,
  });
  expect(volumes((await pollCounters(cpu, reading, { previous })).counters)['cpu_util']).toBe(20);
});

it('uses the monotonic clock, even if the wall clock was set', async () => {
  const previous = instanceReading({ cpu: { timeNs: 0n, count: 1 } });
  const reading = {
    ...instanceReading({ cpu: { timeNs: 5_000_000_000n, count: 1 }, at: 10 }),
    readAt: previous.readAt - 3_600_000_000_000n,
  };
  expect(volumes((await pollCounters(cpu, reading, { previous })).counters)['cpu_util']).toBe(50);
});

it('is 0 without elapsed time or without CPUs, and never infinite', async () => {
  expect(await utilisationAfter(0, { timeNs: 0n }, { timeNs: 5n })).toBe(0);
  expect(await utilisationAfter(10, { timeNs: 0n }, { timeNs: 5n, count: 0 })).toBe(0);
});

it('does not include waiting in the use, and reports when waiting is unknown', async () => {
  const [known] = vcpus;
  const lacking = [
    { ...known!, timeNs: 2n },
    { number: 1, timeNs: 1n, waitNs: undefined },
  ];
  const { counters, missing } = await pollCounters(cpu, instanceReading({ cpu: { vcpus: lacking, timeNs: 5n } }));
  expect(volumes(counters)).toEqual({ cpu: 5n, cpu_util: 0, vcpus: 2, 'cpu.vcpu': 3n, 'cpu.overhead': 2n });
  expect(missing.map(({ meter, reason }) => [meter, reason.missing])).toEqual([['cpu.wait', 'unsupported']]);

  const busy: Missing = { missing: 'busy', detail: 'stuck' };
  const without = await pollCounters(cpu, instanceReading({ cpu: { vcpus: busy, timeNs: 5n } }));
  expect(volumes(without.counters)).toEqual({ cpu: 5n, cpu_util: 0, vcpus: 2 });
  expect(without.missing.map(({ meter, reason }) => [meter, reason])).toEqual(
    ['cpu.vcpu', 'cpu.overhead', 'cpu.wait'].map((meter) => [meter, busy]),
  );
});

it('has no figures for an instance that is shut off', async () => {
  const { counters, missing } = await pollCounters(cpu, shutOffReading());
  expect(counters).toEqual([]);
  expect(missing.map(({ reason }) => reason.missing)).toEqual(Array(6).fill('off'));
});
