import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { encodeRecords } from './record.js';

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
      await file.append(encodeRecords([{ kind: 'segment', sequence }]));
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
  async append(bytes: Buffer, durable = true): Promise<void> {
    try {
      for (let written = 0; written < bytes.length;) {
        const rest = bytes.length - written;
        written += (await this.#file.write(bytes, written, rest, this.#size + written)).bytesWritten;
      }
      if (durable) await this.#file.datasync();
    } catch (error) {
      await this.#cut();
      throw error;
    }
    this.#size += bytes.length;
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

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
