import { spawn } from 'node:child_process';
import { closeSync, constants, fchmodSync, openSync } from 'node:fs';

/** Time limit for locking, ms, because a network file system may be unavailable. */
const timeLimit = 10_000;

/**
 * The kernel's lock of a file (flock(2)), which ends with this process for whatever reason. It belongs to the open
 * file, which is passed to the command `flock` to be locked, because Node has no such call.
 */
export class FileLock {
  /** A number and not a FileHandle, which would be closed, and the lock lost, when it is garbage-collected. */
  #descriptor: number | undefined;

  /**
   * Creates the file if needed, for its user only, because a user who can open it can lock it.
   *
   * @returns whether it was free
   * @throws the error if it cannot be opened or locked
   */
  async take(path: string): Promise<boolean> {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      fchmodSync(descriptor, 0o600);
      const taken = await lock(descriptor);
      if (taken) this.#descriptor = descriptor;
      else closeSync(descriptor);
      return taken;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  release(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

function lock(descriptor: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // Its own descriptor 3, as the other side of `stdio`.
    const child = spawn('flock', ['-n', '3'], {
      stdio: ['ignore', 'ignore', 'pipe', descriptor],
      timeout: timeLimit,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new Error("there is no command 'flock': install util-linux (or BusyBox)", { cause: error })
          : error,
      ),
    );
    child.once('close', (code, signal) => {
      if (code === 0) resolve(true);
      // Both util-linux and BusyBox print nothing if another process holds the lock.
      else if (code === 1 && said === '') resolve(false);
      else
        reject(
          new Error(
            said.trim() ||
              (signal === null ? `flock ended with ${code}` : `no answer within ${timeLimit / 1_000} s`),
          ),
        );
    });
  });
}
