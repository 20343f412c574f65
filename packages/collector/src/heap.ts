import { setFlagsFromString } from 'node:v8';

/** For so long after the last call, ms. */
const calm = 10_000;

let timer: NodeJS.Timeout | undefined;

const percent = '--heap-growing-percent=';
/** V8's own measure is 0. */
const usual = (args: readonly string[]) => args.findLast((arg) => arg.startsWith(percent)) ?? `${percent}0`;

/**
 * V8 lets garbage grow to a multiple of what is alive. That is quick, and right for what agents send; of large notifications,
 * each of which becomes twenty times its size, it is told to collect sooner until none has come for ten seconds. Then what the
 * start script has asked for holds again.
 *
 * @param set for tests, as `args`: Node's options
 */
export function collectSooner(
  set: (flag: string) => void = setFlagsFromString,
  args: readonly string[] = process.execArgv,
): void {
  if (timer === undefined) set(`${percent}30`);
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = undefined;
    set(usual(args));
  }, calm);
  timer.unref();
}
