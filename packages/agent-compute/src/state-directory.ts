import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';

import { FileLock } from './file-lock.js';
import type { Epochs, StoredEpochs } from './epochs.js';

/** What an agent must not forget. */
export interface AgentState {
  /** Made once with the directory: numbers start at 1 for each. */
  readonly agentId: string;
  /** The number of the last message that was made, when it was saved: the spool may know of later ones. */
  readonly sequence: bigint;
  /** How many samples of each meter it ever dropped, when it was saved. */
  readonly dropped: Readonly<Record<string, bigint>>;
  readonly epochs: StoredEpochs;
}

const volume = z.string().refine((text) => text !== '' && Number.isFinite(Number(text)), 'is no number');
const count = z.string().regex(/^\d+$/).transform(BigInt);
const storedState = z.object({
  agentId: z.string().min(1),
  sequence: count,
  dropped: z.record(z.string(), count).default({}),
});
const plugging = z.array(z.string());
const storedParts = z.array(
  z.union([
    z.tuple([z.string(), volume, plugging.optional()]),
    z.tuple([z.string(), volume, plugging.nullable(), volume]),
  ]),
);
// Up to 0.1 a series had no more than its first two.
const storedSeries = z.tuple([
  volume,
  z.int().min(0),
  plugging.nullish(),
  volume.optional(),
  storedParts.optional(),
  storedParts.optional(),
]);
const storedEpochs = z.record(
  z.string(),
  z.object({
    run: z.string(),
    recurrence: z.int().min(0),
    ended: z.boolean(),
    lastSeen: z.number(),
    begun: z.int().min(0).optional(),
    series: z.record(z.string(), storedSeries),
  }),
);

const stateFile = 'state.json';
const epochsFile = 'epochs.json';
const lockFile = 'lock';
/** Which plugins ended the program; written by the thread that watches over it, which ends it. */
export const blockingFile = 'blocking-plugins.json';

/**
 * The folder in which an agent keeps what must survive its restart, also by `kill -9`. State and epochs are replaced as
 * a whole and synced; the spool is a folder in it.
 */
export class StateDirectory {
  #path: string;
  readonly #lock = new FileLock();
  /** The revision of the epochs that are on disk. */
  #savedEpochs: number | undefined;
  #savedState: string | undefined;

  constructor(path: string) {
    this.#path = resolve(path);
  }

  /**
   * Makes the folder where needed and takes it for this process.
   *
   * @throws STATE_DIRECTORY when it cannot be used, or when another agent uses it
   */
  async open(): Promise<void> {
    try {
      await mkdir(this.#path, { recursive: true, mode: 0o700 });
      this.#path = await realpath(this.#path);
    } catch (error) {
      throw this.#unusable(
        'cannot be made; name a folder that this user may write to (compute.stateDirectory)',
        error,
      );
    }
    await this.#keepFromOthers();
    await this.#takeLock();
  }

  close(): Promise<void> {
    this.#lock.release();
    return Promise.resolve();
  }

  /**
   * The state left by the last run; that of a new agent when there is none.
   *
   * @throws STATE_DIRECTORY
   */
  async load(): Promise<AgentState> {
    const state = await this.#parse(stateFile, storedState, 'restore it, or move it away to begin as a new agent');
    const epochs = await this.#parse(
      epochsFile,
      storedEpochs,
      'restore it, or move it away to have the falls of volumes during this restart overlooked',
    );
    return { ...(state ?? { agentId: randomUUID(), sequence: 0n, dropped: {} }), epochs: epochs ?? {} };
  }

  /** Where the spool is. */
  get spool(): string {
    return join(this.#path, 'spool');
  }

  /**
   * Writes the state when it has changed.
   *
   * @throws STATE_DIRECTORY
   */
  async save({ agentId, sequence, dropped }: Omit<AgentState, 'epochs'>): Promise<void> {
    const totals = Object.fromEntries(Object.entries(dropped).map(([meter, total]) => [meter, String(total)]));
    const text = JSON.stringify({ agentId, sequence: String(sequence), dropped: totals });
    if (text !== this.#savedState) await this.#replace(stateFile, text);
    this.#savedState = text;
  }

  /**
   * Writes the epochs when they have changed.
   *
   * @throws STATE_DIRECTORY
   */
  async saveEpochs(epochs: Pick<Epochs, 'revision' | 'toJSON'>): Promise<void> {
    const { revision } = epochs;
    if (revision !== this.#savedEpochs) await this.#replace(epochsFile, JSON.stringify(epochs));
    this.#savedEpochs = revision;
  }

  async #takeLock(): Promise<void> {
    let taken: boolean;
    try {
      taken = await this.#lock.take(join(this.#path, lockFile));
    } catch (error) {
      throw this.#unusable(`cannot be locked by its file ${lockFile}; mend its permissions`, error);
    }
    if (!taken)
      throw this.#unusable(
        'is in use by another agent; give each agent its own (compute.stateDirectory)',
        undefined,
      );
  }

  /** What is in it is its user's alone, or its group's to read. A folder that is somebody else's is theirs to close. */
  async #keepFromOthers(): Promise<void> {
    const { mode, uid } = await stat(this.#path);
    if ((mode & 0o027) === 0 || uid !== process.geteuid?.()) return;
    await chmod(this.#path, mode & 0o7750).catch((error: unknown) => {
      throw this.#unusable('is open to other users, and that cannot be changed', error);
    });
  }

  async #parse<T>(name: string, schema: z.ZodType<T>, help: string): Promise<T | undefined> {
    const text = await this.#read(name);
    if (text === undefined) return undefined;
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw this.#unusable(`has a file ${name} that cannot be understood; ${help}`, error);
    }
  }

  async #replace(name: string, text: string): Promise<void> {
    try {
      await writeFileAtomic(join(this.#path, name), text, { mode: 0o600 });
    } catch (error) {
      throw this.#unwritable(name, error);
    }
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#path, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.#unusable(`has a ${name} that cannot be read`, error);
    }
  }

  #unwritable(name: string, cause: unknown): NephoscopeError {
    return this.#unusable(`cannot take ${name}; free space there or mend its permissions`, cause);
  }

  #unusable(problem: string, cause: unknown): NephoscopeError {
    return new NephoscopeError('STATE_DIRECTORY', `the state directory ${this.#path} ${problem}`, { cause });
  }
}
