import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';

import { AppendFile } from '../disk/append-file.js';
import { frame, readFrames } from '../disk/framing.js';
import type { Changes, Epochs } from '../epochs.js';
import { StateFile } from './state-file.js';
import { applyChanges, storedChanges, storedSnapshot } from './stored-epochs.js';
import type { StoredChanges, StoredEpochs, StoredRun } from './stored-epochs.js';

const journalForm = /^epochs\.(\d+)\.journal$/;

// A snapshot is written when the journal exceeds this size and this many snapshots.
const journalBytes = 4 * 1024 * 1024;
const snapshots = 4;

/**
 * The epochs on disk: occasionally all of them, as `epochs.json`, and in `epochs.<generation>.journal` the changes
 * since. A snapshot names the first journal after it. The previous snapshot and its journals are kept, so that the
 * current one can be lost. One operation at a time.
 */
export class EpochStore {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #snapshot: StateFile<{ readonly generation: number; readonly instances: StoredEpochs }>;
  #journal: AppendFile | undefined;
  /** Of the current journal. */
  #generation = 0;
  /** Named in the last good snapshot. */
  #kept = 0;
  #snapshotBytes = 0;
  /** Written to journals since. */
  #bytes = Infinity;

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
    this.#snapshot = new StateFile(folder, 'epochs', storedSnapshot, logger);
  }

  /**
   * The last saved state; undefined if nothing was ever saved.
   *
   * @throws STATE_DIRECTORY
   */
  async load(): Promise<StoredEpochs | undefined> {
    const snapshot = await this.#snapshot.read();
    const journals = await this.#journals();
    this.#kept = snapshot?.generation ?? 0;
    this.#generation = Math.max(this.#kept, ...journals);
    if (snapshot === undefined && journals.length === 0) return undefined;
    const stored: Record<string, StoredRun> = { ...snapshot?.instances };
    for (const generation of journals) if (generation >= this.#kept) await this.#replay(generation, stored);
    return stored;
  }

  /**
   * Writes changes.
   *
   * @throws STATE_DIRECTORY; the changes are then written by the next call
   */
  async save(epochs: Epochs): Promise<void> {
    const isFirst = this.#bytes === Infinity;
    if (this.#bytes > Math.max(journalBytes, snapshots * this.#snapshotBytes)) {
      try {
        return await this.#writeSnapshot(epochs);
      } catch (error) {
        if (isFirst) throw error;
        this.#logger.warn(
          { err: error },
          `${describeError(error)}; changes are written to a separate file meanwhile`,
        );
        // Not before as much has been written again.
        this.#bytes = 0;
      }
    }
    const changes = epochs.takeChanges();
    if (changes !== undefined) await this.#append(changes);
  }

  /** Leaves everything in one file, if possible. @throws STATE_DIRECTORY if anything is not on disk at all */
  async close(epochs: Epochs): Promise<void> {
    await this.save(epochs);
    if (this.#bytes > 0)
      await this.#writeSnapshot(epochs).catch((error: unknown) =>
        this.#logger.warn({ err: error }, `${describeError(error)}; nothing is lost`),
      );
    await this.release();
  }

  /** Writes nothing any more. */
  async release(): Promise<void> {
    await this.#journal?.close().catch(() => undefined);
    this.#journal = undefined;
  }

  async #writeSnapshot(epochs: Epochs): Promise<void> {
    // Whether a failure leaves the old snapshot or the new one, later changes come after it.
    await this.#nextJournal();
    const all = epochs.takeAll();
    try {
      const head = `"version":2,"generation":${this.#generation},"instances":`;
      await this.#snapshot.write([Buffer.from(head), ...all.parts]);
    } catch (error) {
      all.giveBack();
      throw error;
    }
    this.#snapshotBytes = bytesOf(all.parts);
    this.#bytes = 0;
    await this.#removeBefore(this.#kept);
    this.#kept = this.#generation;
  }

  async #append({ records, giveBack }: Changes): Promise<void> {
    const bytes = records.flatMap((record) => frame([record]));
    try {
      if (this.#journal?.isSound === false) await this.#nextJournal();
      if (this.#journal === undefined)
        this.#journal = await AppendFile.create(this.#path(this.#generation), bytes);
      else await this.#journal.append(bytes);
    } catch (error) {
      giveBack();
      throw this.#unusable(`cannot store the epochs; free space, or fix its permissions`, error);
    }
    this.#bytes += bytesOf(records);
  }

  async #nextJournal(): Promise<void> {
    await this.release();
    this.#generation += 1;
  }

  async #replay(generation: number, stored: Record<string, StoredRun>): Promise<void> {
    const path = this.#path(generation);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw this.#unusable(`has a file ${path} that cannot be read; fix the disk`, error);
    });
    // The rest of an incomplete write, on which nothing depends.
    const { damaged, records } = readFrames(bytes, parseChanges);
    for (const { record } of records) applyChanges(stored, record);
    if (damaged > 0)
      this.#logger.error(
        { file: path, records: damaged },
        `${damaged} records of ${path} are damaged and were skipped: check the disk. Their contents are lost unless a later record repeats them`,
      );
  }

  /** Their generations, ascending. */
  async #journals(): Promise<readonly number[]> {
    const names = await readdir(this.#folder);
    return names.flatMap((name) => journalForm.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => a - b);
  }

  async #removeBefore(generation: number): Promise<void> {
    try {
      for (const one of await this.#journals()) if (one < generation) await rm(this.#path(one), { force: true });
    } catch (error) {
      this.#logger.debug({ err: error }, `a journal cannot be removed yet: ${describeError(error)}`);
    }
  }

  #path(generation: number): string {
    return join(this.#folder, `epochs.${generation}.journal`);
  }

  #unusable(problem: string, cause: unknown): NephoscopeError {
    return new NephoscopeError('STATE_DIRECTORY', `the state directory ${this.#folder} ${problem}`, { cause });
  }
}

const bytesOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, { length }) => sum + length, 0);

function parseChanges(payload: Buffer): StoredChanges | undefined {
  try {
    return storedChanges.parse(JSON.parse(payload.toString('utf8')));
  } catch {
    return undefined;
  }
}
