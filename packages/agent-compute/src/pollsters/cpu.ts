import { definePollster, isMissing } from '@nephoscope/core';
import type { Inspection, Metadata, TotalPart, VcpuReading } from '@nephoscope/core';

// One object for each number of CPUs, so that the metadata of a counter is the same object from cycle to cycle.
const metadataOf = new Map<number, Metadata>();

function cpuMetadata(count: number): Metadata {
  let metadata = metadataOf.get(count);
  if (metadata === undefined) metadataOf.set(count, (metadata = Object.freeze({ cpu_number: count })));
  return metadata;
}

/**
 * CPU time used since the previous reading, in percent of all its virtual CPUs. After a restart that is all the time
 * the new run has used. 0 when there is nothing earlier to compare with.
 */
export function utilisation(current: Inspection<'cpu'>, previous: Inspection<'cpu'> | undefined): number {
  if (previous === undefined) return 0;
  const elapsed = current.readAtMonotonic - previous.readAtMonotonic;
  const capacity = elapsed * BigInt(current.cpu.count);
  if (capacity <= 0n) return 0;
  return quotient(usedSince(current, previous) * 100n, capacity);
}

/** The double nearest to a quotient of integers of any size. */
function quotient(dividend: bigint, divisor: bigint): number {
  // Far more bits than a double has, then one that stands for all that were cut off: rounded once, by Number().
  const scaled = dividend << 128n;
  const cut = scaled % divisor === 0n ? 0n : 1n;
  return Number((scaled / divisor) | cut) / 2 ** 128;
}

function usedSince(current: Inspection<'cpu'>, previous: Inspection<'cpu'>): bigint {
  const { timeNs } = current.cpu;
  // Within a run it does not fall, but not every inspector tells one run from the next.
  const restarted = current.run !== previous.run || timeNs < previous.cpu.timeNs;
  return restarted ? timeNs : timeNs - previous.cpu.timeNs;
}

const keys = Array.from({ length: 256 }, (_, number) => String(number));
const notReported = { missing: 'unsupported', detail: 'the hypervisor does not report it' } as const;

/** A figure of each virtual CPU. */
function partsOf(vcpus: readonly VcpuReading[], field: 'timeNs' | 'waitNs'): readonly TotalPart[] {
  return vcpus.map((vcpu) => ({
    key: keys[vcpu.number] ?? String(vcpu.number),
    volume: vcpu[field] ?? notReported,
  }));
}

export default definePollster({
  meters: [
    {
      name: 'cpu',
      type: 'cumulative',
      unit: 'ns',
      description:
        'CPU time the instance used in all: its virtual CPUs and the hypervisor’s own threads. As in Ceilometer of 2012; ' +
        'larger than the `cpu` of later ones, which is `cpu.vcpu` and, where the kernel counts it, their waiting',
    },
    {
      name: 'cpu.vcpu',
      type: 'cumulative',
      unit: 'ns',
      description: 'CPU time of its virtual CPUs alone',
    },
    {
      name: 'cpu.overhead',
      type: 'cumulative',
      unit: 'ns',
      description:
        'CPU time of the hypervisor’s own threads (emulation, disk and network): what `cpu.vcpu` leaves of `cpu`',
    },
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
    *getCounters({ counter, total, inspection, previous, missing }) {
      const { cpu } = inspection;
      const details = { metadata: cpuMetadata(cpu.count) };
      yield counter('cpu', cpu.timeNs, details);
      yield counter('cpu_util', utilisation(inspection, previous), details);
      yield counter('vcpus', cpu.count, details);
      const { vcpus } = cpu;
      if (isMissing(vcpus)) {
        for (const meter of ['cpu.vcpu', 'cpu.overhead', 'cpu.wait']) missing(meter, vcpus);
        return;
      }
      const times = partsOf(vcpus, 'timeNs');
      yield total('cpu.vcpu', times, details);
      yield total('cpu.overhead', times, { ...details, whole: cpu.timeNs });
      yield total('cpu.wait', partsOf(vcpus, 'waitNs'), details);
    },
  }),
});
