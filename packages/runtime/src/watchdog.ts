import { url as debuggerUrl } from 'node:inspector';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { describeError } from '@nephoscope/core';

import { watchdogThread } from './watchdog-thread.js';
import type { Importing, Watched } from './watchdog-thread.js';

/** How long the program waits for the thread, ms; on a busy host the thread starts later. */
const longestStart = 5_000;

let thread: Worker | undefined;

/**
 * Starts a thread that monitors the program, in which code of this plugin may loop in a timer or after an `await`,
 * where it cannot be interrupted and signals are not received. The thread logs the plugin and ends the process with
 * SIGKILL, also within 10 s of a SIGTERM or SIGINT. It takes 8 MiB and runs only with third-party plugins.
 *
 * @param note the file in which it records the plugin for the next start; the first call decides
 */
export function watchOver(plugin: string, directory: string, note?: string): void {
  // With a debugger attached, the program may be paused for any time.
  if (debuggerUrl() !== undefined) return;
  thread ??= startThread(note);
  const folder = pathToFileURL(directory).href;
  thread.postMessage({ plugin, folder } satisfies Watched);
}

/**
 * Like {@link watchOver}, during the import of the plugin: if the program is blocked by code that is not in the
 * stack, such as a dependency of the plugin, the plugin is held responsible. To be called before the import, and the
 * returned function after it.
 */
export function watchImport(plugin: string, directory: string, note?: string): () => void {
  watchOver(plugin, directory, note);
  const post = (importing: string | undefined) => thread?.postMessage({ importing } satisfies Importing);
  post(plugin);
  return () => post(undefined);
}

function startThread(note: string | undefined): Worker {
  const isThere = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(watchdogThread, {
    eval: true,
    workerData: { note, isThere },
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
  });
  worker.on('message', () => worker.postMessage('here'));
  worker.on('error', (error) =>
    // There may be no log yet; a warning of Node.js becomes a log line.
    process.emitWarning(`plugins that block the program are not monitored: ${describeError(error)}`),
  );
  // After adding the listeners, because one for messages keeps the program alive again.
  worker.unref();
  // The thread needs nothing from this one, and the plugin may loop from its first line.
  Atomics.wait(isThere, 0, 0, longestStart);
  return worker;
}
