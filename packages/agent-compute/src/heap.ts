import { setFlagsFromString } from 'node:v8';

// From here on a host is large: its garbage would fill the memory of a compute node, and CPU time is spent against it.
const largeHost = 500;

let undecided = false;

/**
 * Keeps V8's space for new objects as small as it begins until {@link fitHeap} knows the host; what it has once
 * grown to stays taken. Called by the program, whose process it is.
 */
export function startWithSmallHeap(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  undecided = true;
}

/**
 * V8 lets garbage grow to a multiple of what is alive. That is quick, and right for most hosts; on a large one it is
 * told to collect sooner: over 1,000 instances half the memory for 1.6 times the CPU time (docs/performance.md).
 */
export function fitHeap(instances: number): void {
  if (!undecided) return;
  undecided = false;
  if (instances >= largeHost) setFlagsFromString('--heap-growing-percent=20');
  else setFlagsFromString('--semi-space-growth-factor=2');
}
