import { performance } from 'node:perf_hooks';

/** Waits, turn by turn of the event loop and on the real clock, until it holds. @throws Error naming `what` after 20 s */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Not within 20 s: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
