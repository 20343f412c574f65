import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { recordParts } from './record.js';

/** The segment that is being written. Its owner does one thing with it at a time. */
export class SegmentFile {
  readonly #file: FileHandle;
  #size = 0;
  #isSound = true;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** A new file that holds its header durably, or none. */
  static async create(path: string, sequence: bigint): Promise<SegmentFile> {
    const file = new SegmentFile(await open(path, 'w', 0o600));
    try {
      await file.append(recordParts([{ kind: 'segment', sequence }]));
      await syncFolder(dirname(path));
      return file;
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
  }

  /** Bytes, all of whole records. */
  get size(): number {
    return this.#size;
  }

  /** False when the end of the file may hold something else than `size` says: nothing may be appended any more. */
  get isSound(): boolean {
    return this.#isSound;
  }

  /**
   * Appends all of these records or none. They are durable then.
   *
   * @throws what the file system throws
   */
  async append(parts: readonly Uint8Array[], durable = true): Promise<void> {
    let end = this.#size;
    try {
      for (let rest = parts; rest.length > 0;) {
        const { bytesWritten } = await this.#file.writev(rest, end);
        end += bytesWritten;
        rest = behind(rest, bytesWritten);
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

  /** Takes away what a failed append left, since a record behind a torn one would not be found. */
  async #cut(): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
      await this.#file.datasync();
    } catch {
      // The append's failure is told; what this one means is that the file has come to its end.
      this.#isSound = false;
    }
  }
}

/** What is left of them behind so many bytes: a disk that is nearly full takes some. */
function behind(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (left < part.length) rest.push(part.subarray(left));
    left = Math.max(0, left - part.length);
  }
  return rest;
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
