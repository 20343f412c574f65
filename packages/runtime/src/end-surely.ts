import { spawn } from 'node:child_process';

/** Time limit for Node to exit, s. */
const longest = 2;

/**
 * Ends this process with SIGKILL if it is still running in 2 s: before Node ends, it waits for its threads' calls,
 * and one on a hanging disk may never return. A shell watches this process through a pipe; without a shell there is
 * no such protection.
 */
export function endSurely(): void {
  const command = `timeout ${longest} cat || kill -KILL ${process.pid}`;
  const watcher = spawn('sh', ['-c', command], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watcher.on('error', () => undefined);
}
