import { isMissing } from '@nephoscope/core';
import type { Meter, Missing } from '@nephoscope/core';
import type { DiskIo, DiskReading } from '@nephoscope/core/instance';
import { definePollster } from '@nephoscope/core/pollster';
import { z } from 'zod';

const options = z.strictObject({
  minimumRequests: z.int().min(1).default(1).describe('Over fewer requests than this no average is given.'),
});

/** The time of `requests` requests, summed over them, ns. */
interface Work {
  readonly requests: bigint;
  readonly timeNs: bigint;
}

const none: Work = { requests: 0n, timeNs: 0n };
const noTimes: Missing = {
  missing: 'unsupported',
  detail: 'the hypervisor does not report how long requests to this disk take',
};

/** Reads and writes of a disk, or why they are not known. */
function workOf(io: DiskIo | Missing): { readonly reads: Work; readonly writes: Work } | Missing {
  if (isMissing(io)) return io;
  if (io.readTimeNs === undefined || io.writeTimeNs === undefined) return noTimes;
  return {
    reads: { requests: io.readRequests, timeNs: io.readTimeNs },
    writes: { requests: io.writeRequests, timeNs: io.writeTimeNs },
  };
}

/** What was done since `earlier`; after a restart, seen by a smaller number, all of it. */
function workSince(current: Work, earlier: Work): Work {
  if (current.requests < earlier.requests || current.timeNs < earlier.timeNs) return current;
  return { requests: current.requests - earlier.requests, timeNs: current.timeNs - earlier.timeNs };
}

function findWork(disks: readonly DiskReading[] | undefined, device: string) {
  const reading = disks?.find(({ disk }) => disk.device === device);
  const work = reading === undefined ? undefined : workOf(reading.io);
  return work === undefined || isMissing(work) ? undefined : work;
}

const meters: readonly Meter[] = [
  {
    name: 'disk.device.read.await',
    type: 'gauge',
    unit: 'ms',
    description: 'Time that a read took, on average',
  },
  {
    name: 'disk.device.write.await',
    type: 'gauge',
    unit: 'ms',
    description: 'Time that a write took, on average',
  },
  {
    name: 'disk.device.queue',
    type: 'gauge',
    unit: 'request',
    description: 'Requests under way at a time, on average',
  },
];

/**
 * How long requests to each disk take and how many are under way at a time, as `r_await`, `w_await` and
 * `aqu-sz` of iostat, seen from the host. Averages are over the time since the previous reading; at the
 * first, the average time of a request is over the instance's present run.
 */
export default definePollster({
  meters,
  options,
  reads: ['disks'],
  create: ({ options: { minimumRequests } }) => ({
    *getCounters({ instance, inspection, previous }) {
      for (const { disk, io } of inspection.disks) {
        const resourceId = `${instance.id}-${disk.device}`;
        const metadata = { disk_name: disk.device, instance_id: instance.id };
        const work = workOf(io);
        if (isMissing(work)) {
          for (const { name } of meters) yield { meter: name, volume: work, resourceId };
          continue;
        }
        const earlier = findWork(previous?.disks, disk.device);
        const reads = workSince(work.reads, earlier?.reads ?? none);
        const writes = workSince(work.writes, earlier?.writes ?? none);
        // No request has no time: an idle disk is not one that answers at once.
        if (reads.requests >= minimumRequests)
          yield { meter: 'disk.device.read.await', volume: millisecondsEach(reads), resourceId, metadata };
        if (writes.requests >= minimumRequests)
          yield { meter: 'disk.device.write.await', volume: millisecondsEach(writes), resourceId, metadata };
        if (previous === undefined || earlier === undefined) continue;
        const elapsed = inspection.readAtMonotonic - previous.readAtMonotonic;
        const queue = Number(reads.timeNs + writes.timeNs) / Number(elapsed);
        if (elapsed > 0n) yield { meter: 'disk.device.queue', volume: queue, resourceId, metadata };
      }
    },
  }),
});

function millisecondsEach({ requests, timeNs }: Work): number {
  return Number(timeNs) / Number(requests) / 1_000_000;
}
