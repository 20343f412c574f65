import type { Counter, Missing } from '@nephoscope/core';
import { instanceReading, pollCounters, pollsterContract } from '@nephoscope/testing';

import diskWait from '../src/index.js';

pollsterContract('disk_wait', diskWait);

const start = { readRequests: 1_000n, readTimeNs: 2n ** 60n, writeRequests: 500n, writeTimeNs: 5_000_000_000n };
const previous = instanceReading({ disks: [{ io: start }] });

/** The io of {@link start}, after more requests that took so long. */
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

it('begins again after a restart', async () => {
  const io = { readRequests: 2n, readTimeNs: 8_000_000n, writeRequests: 1n, writeTimeNs: 2_000_000n };
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io }], at: 10 }), { previous });
  expect(figures(counters)).toEqual({
    'disk.device.read.await': 4,
    'disk.device.write.await': 2,
    'disk.device.queue': 0.001,
  });
});

it('gives no time of requests that there were not', async () => {
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io: start }], at: 10 }), {
    previous,
  });
  expect(figures(counters)).toEqual({ 'disk.device.queue': 0 });
});

it('gives no average over fewer requests than wanted', async () => {
  const io = after({ reads: 20n, readTimeNs: 20_000_000n, writes: 4n, writeTimeNs: 4_000_000n });
  const options = { minimumRequests: 10 };
  const { counters } = await pollCounters(diskWait, instanceReading({ disks: [{ io }], at: 10 }), {
    previous,
    options,
  });
  expect(Object.keys(figures(counters))).toEqual(['disk.device.read.await', 'disk.device.queue']);
});

it('says why there is no figure', async () => {
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
