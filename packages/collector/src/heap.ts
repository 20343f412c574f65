import { setFlagsFromString } from 'node:v8';

/** For so long after the last call, ms. */
const calm = 10_000;

let timer: NodeJS.Timeout | undefined;

/**
 * V8 lets garbage grow to a multiple of what is alive. That is quick, and right for what agents send; of large notifications,
 * each of which becomes twenty times its size, it is told to collect sooner until none has come for ten seconds.
 *
 * @param set for tests
 */
export function collectSooner(set: (flag: string) => void = setFlagsFromString): void {
  if (timer === undefined) set('--heap-growing-percent=30');
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = undefined;
    // V8's own measure.
    set('--heap-growing-percent=0');
  }, calm);
  timer.unref();
}
