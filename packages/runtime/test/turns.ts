import { setImmediate as turn } from 'node:timers/promises';

/** Lets everything run that waits for nothing but its turn. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}
