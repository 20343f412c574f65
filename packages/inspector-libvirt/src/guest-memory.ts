import type { Missing } from '@nephoscope/core';
import type { MemoryReading } from '@nephoscope/core/instance';

/** Memory figures reported by the guest's balloon driver, KiB. */
export interface GuestFigures {
  readonly available: bigint | undefined;
  readonly free: bigint | undefined;
  /** Its maximum, from the host. */
  readonly maximum: bigint | undefined;
  readonly swapIn: bigint | undefined;
  readonly swapOut: bigint | undefined;
}

// 8 EiB: more than all counters of a kernel hold.
const mostKib = 1n << 53n;

/** Guests can report anything: an impossible figure is missing, with that reason. What the host knows is added. */
export function guestMemory(
  figures: GuestFigures,
  { residentKib, bandwidthTotal, bandwidthLocal }: Omit<MemoryReading, 'usedKib' | 'swapInKib' | 'swapOutKib'>,
): MemoryReading {
  return {
    usedKib: used(figures),
    swapInKib: swapped(figures.swapIn),
    swapOutKib: swapped(figures.swapOut),
    residentKib,
    bandwidthTotal,
    bandwidthLocal,
  };
}

function used({ available, free, maximum }: GuestFigures): bigint | Missing | undefined {
  if (available === undefined || free === undefined) return undefined;
  if (free > available) return madeUp(`${available} KiB of memory, of which ${free} KiB are free`);
  if (available > (maximum ?? mostKib))
    return madeUp(`${available} KiB of memory, of at most ${maximum ?? mostKib} KiB`);
  return available - free;
}

function swapped(figure: bigint | undefined): bigint | Missing | undefined {
  return figure !== undefined && figure >= mostKib ? madeUp(`${figure} KiB swapped`) : figure;
}

const madeUp = (what: string): Missing => ({
  missing: 'error',
  detail: `the guest's balloon driver reports what cannot be: ${what}`,
});
