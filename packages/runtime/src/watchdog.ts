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
 * Has a thread watch over the program, in which code of this plugin may loop where nobody can cut it off, in a timer or
 * after an `await`: then no signal is heard any more. It ends the process by SIGKILL, after a line that names the
 * plugin, and within
 * 10 s of a SIGTERM or SIGINT. It costs 8 MiB and is there only for plugins of others.
 *
 * @param note the file in which it notes who that was, for the next start; the first call decides
 */
export function watchOver(plugin: string, directory: string, note?: string): void {
  // Somebody who looks at the program in a debugger stops it for as long as he likes.
  if (debuggerUrl() !== undefined) return;
  thread ??= startThread(note);
  const folder = pathToFileURL(directory).href;
  thread.postMessage({ plugin, folder } satisfies Watched);
}

/**
 * As {@link watchOver}, for as long as the plugin is imported: what blocks the program then and is not on the stack, as
 * a package that the plugin brings, is blamed on it. To be called before the import; what it gives, after it.
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
  // After the listeners: one for messages keeps the program alive again.
  worker.unref();
  // It needs nothing of this thread, and the plugin may loop from its first line.
  Atomics.wait(isThere, 0, 0, longestStart);
  return worker;
}
