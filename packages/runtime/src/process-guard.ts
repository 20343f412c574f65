import { syncBuiltinESMExports } from 'node:module';

import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';

import { sayable } from './log-line.js';
import { endSurely } from './end-surely.js';
import { countStray, pluginAtWork } from './plugin-code.js';

/** Actions on the shared process that plugins are refused, besides ending it. */
type Guarded =
  'exit' | 'reallyExit' | 'abort' | 'kill' | 'chdir' | 'umask' | 'removeAllListeners' | 'removeListener' | 'off';
type Call = (...args: readonly unknown[]) => unknown;

/** Log lines about one plugin's failures outside all calls; after these, one each time their number has doubled. */
const strayLines = 10;

/** What the program itself may do and no plugin may. */
export interface ProcessGuard {
  /** From now on the program may end: nothing is refused. */
  release(code: number): void;
  /** Ends the process. */
  end(code: number): never;
}

let guard: ProcessGuard | undefined;

/**
 * Guards the process against the code in it, as long as the program runs. Errors that a plugin leaves unhandled are
 * logged with its name and counted, and the program continues; one without an owner ends it with code 1. Only the
 * program may end the process, change its directory or remove its listeners; for others this throws an error. The
 * process never ends silently, and only the program's own exit has code 0. Shared globals of the language cannot be
 * replaced. Warnings of Node.js become log lines.
 */
export function guardProcess(logger: () => Logger | undefined): ProcessGuard {
  return (guard ??= installGuard(logger));
}

/** Whether the process is a program guarded by {@link guardProcess}, and not a test or a command. */
export function isGuarded(): boolean {
  return guard !== undefined;
}

/**
 * Only the system may do this: a plugin that emits a signal gets an error.
 *
 * @throws PROCESS_GUARDED
 */
export function refusePlugins(what: string): void {
  const plugin = pluginAtWork(new Error().stack);
  if (plugin !== undefined) throw refusal(plugin, what);
}

function refusal(plugin: string | undefined, what: string): NephoscopeError {
  const who = plugin === undefined ? 'something' : `the plugin '${plugin}'`;
  return new NephoscopeError('PROCESS_GUARDED', `${who} called ${what}, which only the program itself may`);
}

/** Ends the process with the code returned by {@link runToExit}: a handle held by a plugin must not keep it alive. */
export function endProcess(code: number): never {
  if (guard !== undefined) return guard.end(code);
  return process.exit(code);
}

function installGuard(logger: () => Logger | undefined): ProcessGuard {
  let released: number | undefined;
  const target = process as unknown as Record<string, Call>;
  const real = (name: string) => (target[name] as Call).bind(process);
  const exit = real('exit');
  const say = (error: NephoscopeError) => {
    const log = logger();
    if (log !== undefined) log.error({ err: error }, error.message);
    else process.stderr.write(`${sayable(error.message)}\n`);
  };
  const end = (code: number): never => {
    released = code;
    endSurely();
    return exit(code) as never;
  };

  // Node's own listener writes plain text, between lines that are read as JSON.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    const log = logger();
    if (log !== undefined) log.warn({ err: warning }, `Node.js warns: ${describeError(warning)}`);
    else process.stderr.write(`${sayable(`${warning.name}: ${warning.message}`)}\n`);
  });

  const refuse = (name: Guarded, isRefused: (args: readonly unknown[]) => boolean) => {
    const original = real(name);
    target[name] = (...args) => {
      if (released !== undefined || !isRefused(args)) return original(...args);
      const first = args.length > 0 && typeof args[0] !== 'object' ? String(args[0]).slice(0, 60) : '';
      throw refusal(pluginAtWork(new Error().stack), `process.${name}(${first})`);
    };
  };
  const always = () => true;
  for (const name of ['exit', 'reallyExit', 'abort', 'chdir'] as const) refuse(name, always);
  refuse('umask', ([mask]) => mask !== undefined);
  refuse('kill', ([pid, signal]) => signal !== 0 && [process.pid, -process.pid, 0].includes(Number(pid)));
  // The program's listeners are registered by now; Node's internal ones listen to all events.
  const ours = new Set(process.eventNames());
  refuse('removeAllListeners', ([event]) => event === undefined || ours.has(event as string));
  const listeners = new Set([...ours].flatMap((event) => process.rawListeners(event as 'exit')));
  for (const name of ['removeListener', 'off'] as const)
    refuse(name, ([, listener]) => listeners.has(listener as () => void));
  // For modules that import them by name.
  syncBuiltinESMExports();

  const onUnhandled = (error: unknown, plugin = pluginAtWork(stackOf(error))) => {
    if (plugin === undefined) {
      say(
        new NephoscopeError(
          'UNHANDLED',
          `the program ends because of an unhandled error: ${describeError(error)}`,
          {
            cause: error,
          },
        ),
      );
      end(1);
    }
    const count = countStray(plugin as string);
    if (count > strayLines && !Number.isInteger(Math.log2(count))) return;
    const text = `the plugin '${plugin}' left an error unhandled, outside of every call${count > 1 ? ` (${count} until now)` : ''}: ${describeError(error)}`;
    logger()?.error({ err: error, plugin, count }, text);
  };
  // An exception in it would arrive below without its owner.
  const queue = globalThis.queueMicrotask;
  globalThis.queueMicrotask = (callback) => {
    const plugin = pluginAtWork();
    if (plugin === undefined || typeof callback !== 'function') return queue(callback);
    queue(() => {
      try {
        callback();
      } catch (error) {
        onUnhandled(error, plugin);
      }
    });
  };
  // Not a listener, because a plugin could remove it.
  process.setUncaughtExceptionCaptureCallback((error) => {
    try {
      onUnhandled(error);
    } catch {
      end(1);
    }
  });
  process.on('exit', (code) => {
    if (released === undefined) {
      say(new NephoscopeError('ENDED_UNASKED', `the program ended unexpectedly (code ${code})`));
      if (code === 0) process.exitCode = 1;
    } else if (code === 0) process.exitCode = released;
  });
  protectLanguage();
  return {
    release: (code) => {
      released = code;
    },
    end,
  };
}

function stackOf(error: unknown): string | undefined {
  try {
    return error instanceof Error && typeof error.stack === 'string' ? error.stack : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Shared globals cannot be replaced, because our samples are counted, kept in maps and written as JSON with them.
 * Properties of Object.prototype can be changed, because code may override them in its own objects, but none can be
 * added.
 */
function protectLanguage(): void {
  Object.preventExtensions(Object.prototype);
  for (const shared of [
    JSON,
    Math,
    Reflect,
    Date,
    Number,
    BigInt,
    Map.prototype,
    Set.prototype,
    WeakMap.prototype,
  ])
    Object.freeze(shared);
  Object.freeze(Promise);
  Object.freeze(Promise.prototype);
  for (const name of Object.getOwnPropertyNames(globalThis)) fix(name);
}

/** Globals that Node.js loads on first use and that the programs and their dependencies use. */
const usedLater = new Set([
  ...['process', 'Buffer', 'AbortController', 'AbortSignal', 'DOMException', 'Event'],
  ...['TextEncoder', 'TextDecoder', 'crypto', 'performance', 'atob', 'btoa'],
]);

/**
 * Locks a global. One that Node loads on first use is loaded now or left alone: loading all of them costs more than
 * it is worth. New ones may still be added.
 */
function fix(name: string): void {
  const { configurable, enumerable = false, get } = Object.getOwnPropertyDescriptor(globalThis, name)!;
  if (configurable !== true || (get !== undefined && !usedLater.has(name))) return;
  const value: unknown = Reflect.get(globalThis, name);
  Object.defineProperty(globalThis, name, { value, enumerable, writable: false, configurable: false });
}
