import { AsyncLocalStorage } from 'node:async_hooks';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

import { NephoscopeError } from '@nephoscope/core';
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

/** How long a plugin's code may block the thread, ms. */
const longestTurn = 1_000;
/** CPU time that it must have used of that, µs. */
const ownTime = 400_000;
/**
 * How often it may be interrupted without having used that, each time after twice the time: code that sleeps in a
 * call uses none.
 */
const mostCuts = 3;

const atWork = new AsyncLocalStorage<string | undefined>();
const folders = new Map<string, string>();
const trusted = new Set<string>();
const strays = new Map<string, number>();

// A script's timeout interrupts any loop; a script takes no arguments.
const handOver = new Script("globalThis[Symbol.for('nephoscope.plugin code')] ??= {}").runInThisContext() as {
  work?: () => void;
};
const script = new Script("globalThis[Symbol.for('nephoscope.plugin code')].work()");

/**
 * Runs code of a plugin. Later failures of timers and promises that it created are attributed to the plugin; and it
 * is interrupted when it blocks the thread for 1 s, wherever it loops. Code after an `await` is not limited. A
 * timeout uses a thread, which takes 0.7 ms of CPU time: so it covers all synchronous work at once, not each
 * instance, and not our own plugins.
 *
 * @param work is called again if the process had hardly any CPU time in that second, for example because it was
 *   stopped
 * @param onCut called after each interruption: no line of `work` has run since, not even in a `finally`
 * @throws what it throws, and PLUGIN_BLOCKED if it was interrupted
 */
export function runPluginCode<T>(plugin: string, work: () => T, onCut: () => void = () => undefined): T {
  if (isTrusted(plugin)) return work();
  return attributeTo(plugin, () => {
    for (let cuts = 0; ;) {
      let result: { readonly value: T } | undefined;
      handOver.work = () => {
        result = { value: work() };
      };
      const used = process.cpuUsage();
      try {
        script.runInThisContext({ timeout: longestTurn * 2 ** cuts, displayErrors: false });
        return (result as unknown as { readonly value: T }).value;
      } catch (error) {
        if (!isTimeout(error)) throw error;
        onCut();
        cuts += 1;
        const { user, system } = process.cpuUsage(used);
        if (cuts >= mostCuts || user + system >= ownTime)
          throw new NephoscopeError(
            'PLUGIN_BLOCKED',
            `it was interrupted after it had blocked the program for ${((2 ** cuts - 1) * longestTurn) / 1_000} s`,
          );
      }
    }
  });
}

/**
 * Runs a plugin's code without a time limit and attributes later failures to it; for the program's own code no name is
 * given.
 */
export function attributeTo<T>(plugin: string | undefined, work: () => T): T {
  // The first run of an AsyncLocalStorage makes every promise of the program more expensive.
  const isProgram = plugin === undefined || isTrusted(plugin);
  if (isProgram && atWork.getStore() === undefined) return work();
  return atWork.run(isProgram ? undefined : plugin, work);
}

/** Whether a package belongs to this project, so that its code is the program's own. */
export function isOurs(packageName: string): boolean {
  return packageName.startsWith('@nephoscope/');
}

/** Marks a plugin of this name as built-in; in another section a third-party plugin may have the same name. */
export function trustPlugin(plugin: string): void {
  trusted.add(plugin);
}

function isTrusted(plugin: string): boolean {
  return trusted.has(plugin) && ![...folders.values()].includes(plugin);
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    Object.getOwnPropertyDescriptor(error, 'code')?.value === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

/** Registers the directory of a plugin's code, which identifies it when nothing else does. */
export function knowPluginFolder(plugin: string, directory: string): void {
  folders.set(directory, plugin);
}

/** The plugin whose code is running, or that is found in a stack; undefined if there is none. */
export function pluginAtWork(stack?: string): string | undefined {
  const known = atWork.getStore();
  if (known !== undefined || stack === undefined) return known;
  for (const [directory, plugin] of folders)
    if (stack.includes(`${directory}/`) || stack.includes(`${pathToFileURL(directory).href}/`)) return plugin;
  return undefined;
}

/** Counts a failure outside all calls of the plugin. @returns the number so far */
export function countStray(plugin: string): number {
  const count = (strays.get(plugin) ?? 0) + 1;
  strays.set(plugin, count);
  return count;
}

/** Failures of plugins outside all calls, as a metric. */
export function collectStrays(registry: Registry): void {
  new Counter({
    name: 'nephoscope_plugin_stray_failures_total',
    help: 'Failures of a plugin outside of every call, in a timer or a promise that is not awaited, by plugin',
    labelNames: ['plugin'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [plugin, count] of strays) this.inc({ plugin }, count);
    },
  });
}
