import { performance } from 'node:perf_hooks';

/** Waits on the real clock until the condition is true, checking in each event-loop iteration. @throws Error naming `what` after 20 s */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Not within 20 s: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
