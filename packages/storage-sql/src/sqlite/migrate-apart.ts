import { fork } from 'node:child_process';

import { fromFailure } from './thread-messages.js';
import type { Failure } from './thread-messages.js';

const program = new URL('./migration-process.js', import.meta.url);

/**
 * Makes the migrations of a file that holds samples, in a process of its own: SQLite's calls take as long as the file is
 * large, cannot be broken off, and whoever makes them hears no signal and answers no watchdog meanwhile. When `signal` is aborted
 * the process is killed; nothing has changed then, or all of it.
 *
 * @throws SqliteError, the signal's reason, and what the process failed by
 */
export function migrateApart(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = fork(program, [path], {
      ...{ execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
    });
    const abort = () => {
      child.kill('SIGKILL');
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    let said = '';
    let failure: Failure | undefined;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_048)));
    child.once('message', (message) => (failure = message as Failure));
    child.once('error', reject);
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', abort);
      if (failure !== undefined) reject(fromFailure(failure) as Error);
      else if (code === 0) resolve();
      else reject(new Error(`its migration ended with ${by ?? `exit code ${code}`}: ${said.trim()}`));
    });
  });
}
