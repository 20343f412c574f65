import { mkdir, open, rm, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { run } from '../testbed/processes.js';

const largestPiece = Buffer.alloc(4 * 1024 * 1024);
const smallestPiece = 4_096;

/** A small file system. It exists in this process's mount namespace and disappears with it. */
export class SmallDisk {
  /** Where others may write. */
  readonly directory: string;
  readonly #ballast: string;

  private constructor(path: string) {
    this.directory = join(path, 'files');
    this.#ballast = join(path, 'ballast');
  }

  /** @param bytes its size @throws Error in a process that may not mount */
  static async mount(path: string, bytes: number): Promise<SmallDisk> {
    await mkdir(path);
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'tmpfs', path]);
    const disk = new SmallDisk(path);
    await mkdir(disk.directory, { mode: 0o777 });
    return disk;
  }

  /**
   * Keeps it full until `signal` is aborted, including space that others free meanwhile.
   *
   * @returns how many bytes were written
   */
  async fill(signal: AbortSignal): Promise<number> {
    const ballast = await open(this.#ballast, 'a');
    let taken = 0;
    try {
      while (!signal.aborted) {
        taken += await takeAll(ballast);
        await sleep(50, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      await ballast.close();
      await rm(this.#ballast);
    }
    return taken;
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.directory);
    return bavail * bsize;
  }
}

async function takeAll(ballast: FileHandle): Promise<number> {
  let taken = 0;
  for (let size = largestPiece.length; size >= smallestPiece;) {
    try {
      taken += (await ballast.write(largestPiece, 0, size)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      size /= 2;
    }
  }
  return taken;
}
