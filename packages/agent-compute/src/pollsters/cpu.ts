import { isMissing } from '@nephoscope/core';
import type { VcpuReading } from '@nephoscope/core/instance';
import { definePollster } from '@nephoscope/core/pollster';
import type { Inspection, TotalPart } from '@nephoscope/core/pollster';

/**
 * CPU time used since the previous reading, in percent of all virtual CPUs. After a restart it is based on all the
 * time that the new run has used. 0 if there is no earlier reading to compare with.
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
  // Far more bits than a double has, and one for all that were cut off, so that Number() rounds once.
  const scaled = dividend << 128n;
  const cut = scaled % divisor === 0n ? 0n : 1n;
  return Number((scaled / divisor) | cut) / 2 ** 128;
}

function usedSince(current: Inspection<'cpu'>, previous: Inspection<'cpu'>): bigint {
  const { timeNs } = current.cpu;
  // Within a run it does not fall, but not every inspector distinguishes runs.
  const restarted = current.run !== previous.run || timeNs < previous.cpu.timeNs;
  return restarted ? timeNs : timeNs - previous.cpu.timeNs;
}

const notReported = { missing: 'unsupported', detail: 'the hypervisor does not report it' } as const;

/** A figure of each virtual CPU. */
function partsOf(vcpus: readonly VcpuReading[], field: 'timeNs' | 'waitNs'): readonly TotalPart[] {
  return vcpus.map((vcpu) => ({
    key: String(vcpu.number),
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
    *getCounters({ inspection, previous }) {
      const { count, timeNs, vcpus } = inspection.cpu;
      const metadata = { cpu_number: count };
      yield { meter: 'cpu', volume: timeNs, metadata };
      yield { meter: 'cpu_util', volume: utilisation(inspection, previous), metadata };
      yield { meter: 'vcpus', volume: count, metadata };
      if (isMissing(vcpus)) {
        for (const meter of ['cpu.vcpu', 'cpu.overhead', 'cpu.wait']) yield { meter, volume: vcpus };
        return;
      }
      const times = partsOf(vcpus, 'timeNs');
      yield { meter: 'cpu.vcpu', parts: times, metadata };
      yield { meter: 'cpu.overhead', parts: times, whole: timeNs, metadata };
      yield { meter: 'cpu.wait', parts: partsOf(vcpus, 'waitNs'), metadata };
    },
  }),
});
