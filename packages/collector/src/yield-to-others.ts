import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one piece of work may hold the event loop, ms, if the piece lets it. */
const longest = 20;

let last = 0;

/** To be awaited between the steps of a long work: lets others have a turn where it is due, in all works together. */
export async function yieldToOthers(): Promise<void> {
  if (performance.now() - last < longest) return;
  await nextTurn();
  last = performance.now();
}
