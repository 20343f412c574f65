import { setImmediate as tick } from 'node:timers/promises';

/** Lets pending callbacks of the event loop run. */
export async function ticks(count = 5): Promise<void> {
  for (let i = 0; i < count; i += 1) await tick();
}
