import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { syncFolder } from './sync-folder.js';

/** A file that is only appended to, durably. The caller does one operation at a time. */
export class AppendFile {
  readonly #file: FileHandle;
  #size = 0;
  #isSound = true;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * A new file that contains these bytes durably, or none.
   *
   * @throws what the file system throws
   */
  static async create(path: string, parts: readonly Uint8Array[]): Promise<AppendFile> {
    const file = new AppendFile(await open(path, 'w', 0o600));
    try {
      await file.append(parts);
      await syncFolder(dirname(path));
      return file;
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(path, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Bytes, all of complete appends. */
  get size(): number {
    return this.#size;
  }

  /** False if the end of the file may differ from `size`: nothing may be appended any more. */
  get isSound(): boolean {
    return this.#isSound;
  }

  /**
   * Appends all of these bytes or none, durably.
   *
   * @throws what the file system throws
   */
  async append(parts: readonly Uint8Array[], durable = true): Promise<void> {
    let end = this.#size;
    try {
      for (let rest = parts; rest.length > 0;) {
        const { bytesWritten } = await this.#file.writev(rest, end);
        end += bytesWritten;
        rest = afterBytes(rest, bytesWritten);
      }
      if (durable) await this.#file.datasync();
    } catch (error) {
      await this.#cut();
      throw error;
    }
    this.#size = end;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Removes what a failed append left, because records after it would not be found. */
  async #cut(): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
      await this.#file.datasync();
    } catch {
      // The failure of the append is reported; this one only means that the file cannot be used any more.
      this.#isSound = false;
    }
  }
}

/** What is left after these bytes were written: a nearly full disk accepts only a part. */
function afterBytes(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (left < part.length) rest.push(part.subarray(left));
    left = Math.max(0, left - part.length);
  }
  return rest;
}
