import { definePollster } from '@nephoscope/core';
import type { CpuReading, Inspection, Metadata } from '@nephoscope/core';

// One object for each number of CPUs, so that the metadata of a counter is the same object from cycle to cycle.
const metadataOf = new Map<number, Metadata>();

function cpuMetadata(count: number): Metadata {
  let metadata = metadataOf.get(count);
  if (metadata === undefined) metadataOf.set(count, (metadata = Object.freeze({ cpu_number: count })));
  return metadata;
}

/**
 * CPU time used since the previous reading, in percent of all its virtual CPUs. After a restart, seen by
 * a smaller CPU time, that is all the time the new run has used. 0 when there is nothing earlier to compare with.
 */
export function utilisation(current: Inspection<'cpu'>, previous: Inspection<'cpu'> | undefined): number {
  if (previous === undefined) return 0;
  const elapsed = current.readAtMonotonic - previous.readAtMonotonic;
  const capacity = elapsed * BigInt(current.cpu.count);
  if (capacity <= 0n) return 0;
  return quotient(usedSince(current.cpu, previous.cpu) * 100n, capacity);
}

/** The double nearest to a quotient of integers of any size. */
function quotient(dividend: bigint, divisor: bigint): number {
  // Far more bits than a double has, then one that stands for all that were cut off: rounded once, by Number().
  const scaled = dividend << 128n;
  const cut = scaled % divisor === 0n ? 0n : 1n;
  return Number((scaled / divisor) | cut) / 2 ** 128;
}

function usedSince(current: CpuReading, previous: CpuReading): bigint {
  return current.timeNs < previous.timeNs ? current.timeNs : current.timeNs - previous.timeNs;
}

export default definePollster({
  meters: [
    { name: 'cpu', type: 'cumulative', unit: 'ns', description: 'CPU time the instance used' },
    {
      name: 'cpu.wait',
      type: 'cumulative',
      unit: 'ns',
      description: 'Time its virtual CPUs were ready to run but waited for the host (steal)',
    },
    {
      name: 'cpu_util',
      type: 'gauge',
      unit: '%',
      description: 'CPU time used since the previous reading, of all its virtual CPUs; 0 at the first reading',
    },
    { name: 'vcpus', type: 'gauge', unit: 'vcpu', description: 'Virtual CPUs in use' },
  ],
  reads: ['cpu'],
  create: () => ({
    *getCounters({ counter, inspection, previous, missing }) {
      const { cpu } = inspection;
      const details = { metadata: cpuMetadata(cpu.count) };
      yield counter('cpu', cpu.timeNs, details);
      yield counter('cpu_util', utilisation(inspection, previous), details);
      yield counter('vcpus', cpu.count, details);
      if (typeof cpu.waitNs === 'bigint') yield counter('cpu.wait', cpu.waitNs, details);
      else missing('cpu.wait', cpu.waitNs);
    },
  }),
});
