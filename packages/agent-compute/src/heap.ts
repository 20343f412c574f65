import { setFlagsFromString } from 'node:v8';

// On larger hosts the garbage would fill the memory of a compute node, so CPU time is spent to collect it.
const largeHost = 500;

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
  setFlagsFromString('--heap-growing-percent=20');
}
