import { setFlagsFromString } from 'node:v8';

/** Duration after the last call, ms. */
const calm = 10_000;

let timer: NodeJS.Timeout | undefined;

const percent = '--heap-growing-percent=';
/** V8's own default is 0. */
const usual = (args: readonly string[]) => args.findLast((arg) => arg.startsWith(percent)) ?? `${percent}0`;

/**
 * V8 lets garbage grow to a multiple of what is alive. That is fast, and right for agents' messages; for large
 * notifications, which expand to twenty times their size, V8 is set to collect sooner until none has arrived for ten
 * seconds. After that the setting of the start script applies again.
 *
 * @param set for tests, like `args`, which are Node's options
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
