import type { Counter, Missing } from '@nephoscope/core';
import { instanceReading, pollCounters, pollsterContract } from '@nephoscope/testing';

import diskWait from '../src/index.js';

pollsterContract('disk_wait', diskWait);

const start = { readRequests: 1_000n, readTimeNs: 2n ** 60n, writeRequests: 500n, writeTimeNs: 5_000_000_000n };
const previous = instanceReading({ disks: [{ io: start }] });

/** The io of {@link start} after further requests that took this long. */
function after(more: { reads?: bigint; readTimeNs?: bigint; writes?: bigint; writeTimeNs?: bigint }) {
  const { reads = 0n, readTimeNs = 0n, writes = 0n, writeTimeNs = 0n } = more;
  return {
    readRequests: start.readRequests + reads,
    readTimeNs: start.readTimeNs + readTimeNs,
    writeRequests: start.writeRequests + writes,
    writeTimeNs: start.writeTimeNs + writeTimeNs,
  };
}

const figures = (counters: readonly Counter[]) =>
  Object.fromEntries(counters.map(({ name, volume }) => [name, volume]));

it('averages over the requests since the previous reading', async () => {
  const io = after({ reads: 20n, readTimeNs: 50_000_000n, writes: 4n, writeTimeNs: 30_000_000_000n });
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io }], at: 10 }), { previous });
  expect(figures(counters)).toEqual({
    'disk.device.read.await': 2.5,
    'disk.device.write.await': 7_500,
    'disk.device.queue': 3.005,
  });
  expect(counters[0]?.resourceId).toBe(`${previous.instance.id}-vda`);
  expect(counters[0]?.resourceMetadata).toMatchObject({ disk_name: 'vda', instance_id: previous.instance.id });
});

it('averages over the whole run at the first reading, and has no queue length then', async () => {
  const io = { readRequests: 4n, readTimeNs: 10_000_000n, writeRequests: 0n, writeTimeNs: 0n };
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io }] }));
  expect(figures(counters)).toEqual({ 'disk.device.read.await': 2.5 });
});

it('starts again after a restart of the instance', async () => {
  const io = { readRequests: 2n, readTimeNs: 8_000_000n, writeRequests: 1n, writeTimeNs: 2_000_000n };
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io }], at: 10 }), { previous });
  expect(figures(counters)).toEqual({
    'disk.device.read.await': 4,
    'disk.device.write.await': 2,
    'disk.device.queue': 0.001,
  });
});

it('has no times if there were no requests', async () => {
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io: start }], at: 10 }), {
    previous,
  });
  expect(figures(counters)).toEqual({ 'disk.device.queue': 0 });
});

it('has no average over fewer requests than configured', async () => {
  const io = after({ reads: 20n, readTimeNs: 20_000_000n, writes: 4n, writeTimeNs: 4_000_000n });
  const options = { minimumRequests: 10 };
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io }], at: 10 }), {
    previous,
    options,
  });
  expect(Object.keys(figures(counters))).toEqual(['disk.device.read.await', 'disk.device.queue']);
});

it('reports why a figure is missing', async () => {
  const io: Missing = { missing: 'busy', detail: 'stuck' };
  const { counters, missing } = await pollCounters(
    diskWait,
    instanceReading({ disks: [{ io }, { io: { readTimeNs: undefined } }] }),
  );
  expect(counters).toEqual([]);
  expect(missing.map(({ reason }) => reason.missing)).toEqual([
    'busy',
    'busy',
    'busy',
    'unsupported',
    'unsupported',
    'unsupported',
  ]);
});
