import { setFlagsFromString } from 'node:v8';

// On larger hosts the garbage would fill the memory of a compute node, so CPU time is spent to collect it.
const largeHost = 500;

/**
 * With the first, V8 compacts more and may collect again before the heap has grown by 8 MiB: 8 MiB less at the peak. Alone it
 * would collect so often that a cycle takes two fifths more CPU time; the second bounds that.
 */
const flags = ['--optimize-for-size', '--heap-growing-percent=25'];

let undecided = false;

/** Called by the program, which owns the process: enables {@link fitHeap}. */
export function allowHeapFitting(): void {
  undecided = true;
}

/**
 * V8 lets garbage grow to a multiple of what is alive. That is fast, and right for most hosts; on a large one V8 is
 * configured to collect sooner (docs/performance.md).
 */
export function fitHeap(instances: number): void {
  if (!undecided || instances < largeHost) return;
  undecided = false;
  for (const flag of flags) setFlagsFromString(flag);
}
