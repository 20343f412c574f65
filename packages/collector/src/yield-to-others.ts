import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one piece of work may hold the event loop, ms, if the piece lets it. */
const longest = 20;

let last = 0;

/**
 * To be awaited between the steps of long work: yields to the event loop when that is due, for all such work
 * together.
 */
export async function yieldToOthers(): Promise<void> {
  if (performance.now() - last < longest) return;
  await nextTurn();
  last = performance.now();
}
