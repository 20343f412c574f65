import { fork } from 'node:child_process';

import { fromFailure } from './thread-messages.js';
import type { Failure } from './thread-messages.js';

const program = new URL('./migration-process.js', import.meta.url);

/**
 * Migrates a file that contains samples in a separate process: the time of SQLite's calls grows with the file, they
 * cannot be interrupted, and they would block signals and the watchdog. When `signal` is aborted, the process is
 * killed; the migration is then either complete or has changed nothing.
 *
 * @throws SqliteError, the signal's reason, and the process's failure
 */
export function migrateInProcess(path: string, signal: AbortSignal): Promise<void> {
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
