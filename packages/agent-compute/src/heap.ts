import { setFlagsFromString } from 'node:v8';

// From here on a host is large: its garbage would fill the memory of a compute node, and CPU time is spent against it.
const largeHost = 500;

let undecided = false;

/** Called by the program, whose process it is: lets {@link fitHeap} do its work. */
export function allowHeapFitting(): void {
  undecided = true;
}

/**
 * V8 lets garbage grow to a multiple of what is alive. That is quick, and right for most hosts; on a large one it is
 * told to collect sooner (docs/performance.md).
 */
export function fitHeap(instances: number): void {
  if (!undecided || instances < largeHost) return;
  undecided = false;
  setFlagsFromString('--heap-growing-percent=20');
}
