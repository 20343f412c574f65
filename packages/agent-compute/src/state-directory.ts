import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import { z } from 'zod';

import { syncFolder } from './disk/sync-folder.js';
import type { Epochs } from './epochs.js';
import { FileLock } from './file-lock.js';
import { EpochStore } from './state/epoch-store.js';
import { StateFile } from './state/state-file.js';
import type { StoredEpochs } from './state/stored-epochs.js';

/** The persistent state of an agent. */
export interface AgentState {
  /** Created once with the directory: numbers start at 1 for each. */
  readonly agentId: string;
  /** The last message number when this was saved: the spool may contain later ones. */
  readonly sequence: bigint;
  /** Number of samples of each meter ever dropped, when this was saved. */
  readonly dropped: Readonly<Record<string, bigint>>;
  readonly epochs: StoredEpochs;
}

const count = z.string().regex(/^\d+$/).transform(BigInt);
const storedState = z.object({
  agentId: z.string().min(1),
  sequence: count,
  dropped: z.record(z.string(), count).default({}),
});

// Left by a crash during a write; the second form by an older version.
const leftover = /^(state|epochs)\.json\.(tmp|\d+)$/;
const lockFile = 'lock';
/** The plugins that ended the program, written by the watchdog's thread before it ends it. */
export const blockingFile = 'blocking-plugins.json';

/**
 * The directory in which an agent keeps what must survive a restart, including `kill -9`. The spool is a directory in
 * it.
 */
export class StateDirectory {
  #path: string;
  readonly #logger: Logger;
  readonly #lock = new FileLock();
  #state: StateFile<z.infer<typeof storedState>>;
  #epochs: EpochStore;
  #savedState: string | undefined;

  constructor(path: string, logger: Logger) {
    this.#path = resolve(path);
    this.#logger = logger;
    this.#state = new StateFile(this.#path, 'state', storedState, logger);
    this.#epochs = new EpochStore(this.#path, logger);
  }

  /**
   * Creates the directory if needed and locks it for this process.
   *
   * @throws STATE_DIRECTORY if it cannot be used, or another agent uses it
   */
  async open(): Promise<void> {
    try {
      const made = await mkdir(this.#path, { recursive: true, mode: 0o700 });
      if (made !== undefined) await syncParents(this.#path, made);
      this.#path = await realpath(this.#path);
      this.#state = new StateFile(this.#path, 'state', storedState, this.#logger);
      this.#epochs = new EpochStore(this.#path, this.#logger);
    } catch (error) {
      throw this.#unusable(
        'cannot be created; set compute.stateDirectory to a directory that this user can write to',
        error,
      );
    }
    await this.#keepFromOthers();
    await this.#takeLock();
  }

  async close(): Promise<void> {
    await this.#epochs.release();
    this.#lock.release();
  }

  /**
   * The state left by the last run; that of a new agent if there is none.
   *
   * @throws STATE_DIRECTORY
   */
  async load(): Promise<AgentState> {
    await this.#removeLeftovers();
    const state = await this.#state.read();
    const epochs = await this.#epochs.load();
    if (state !== undefined && epochs === undefined)
      this.#logger.error(
        {},
        `the state directory ${this.#path} no longer has an epochs.json: values that fell and devices unplugged while no agent was running are not noticed`,
      );
    if (state === undefined && epochs !== undefined)
      this.#logger.error(
        {},
        `the state directory ${this.#path} no longer has a state.json: this agent is a new one, with a different publisher id`,
      );
    return { ...(state ?? { agentId: randomUUID(), sequence: 0n, dropped: {} }), epochs: epochs ?? {} };
  }

  /** The path of the spool. */
  get spool(): string {
    return join(this.#path, 'spool');
  }

  /**
   * Writes the state if it has changed.
   *
   * @throws STATE_DIRECTORY
   */
  async save({ agentId, sequence, dropped }: Omit<AgentState, 'epochs'>): Promise<void> {
    const totals = Object.fromEntries(Object.entries(dropped).map(([meter, total]) => [meter, String(total)]));
    const text = JSON.stringify({ agentId, sequence: String(sequence), dropped: totals }).slice(1, -1);
    if (text === this.#savedState) return;
    // Twice, so that the copy has the current totals too.
    await this.#state.write(text);
    await this.#state.write(text);
    this.#savedState = text;
  }

  /**
   * Writes changes of the epochs.
   *
   * @throws STATE_DIRECTORY; the changes are then written by the next call
   */
  saveEpochs(epochs: Epochs): Promise<void> {
    return this.#epochs.save(epochs);
  }

  /** Writes them for the last time. @throws STATE_DIRECTORY */
  closeEpochs(epochs: Epochs): Promise<void> {
    return this.#epochs.close(epochs);
  }

  async #takeLock(): Promise<void> {
    let taken: boolean;
    try {
      taken = await this.#lock.take(join(this.#path, lockFile));
    } catch (error) {
      throw this.#unusable(`cannot be locked with its file ${lockFile}; fix its permissions`, error);
    }
    if (!taken)
      throw this.#unusable(
        'is in use by another agent; give each agent its own (compute.stateDirectory)',
        undefined,
      );
  }

  /**
   * Its contents are accessible to its user only, or readable by its group. A directory of another owner is left to
   * that owner.
   */
  async #keepFromOthers(): Promise<void> {
    const { mode, uid } = await stat(this.#path);
    if ((mode & 0o027) === 0 || uid !== process.geteuid?.()) return;
    await chmod(this.#path, mode & 0o7750).catch((error: unknown) => {
      throw this.#unusable('is accessible to other users, and this cannot be changed', error);
    });
  }

  async #removeLeftovers(): Promise<void> {
    try {
      for (const name of await readdir(this.#path))
        if (leftover.test(name)) await rm(join(this.#path, name), { force: true });
    } catch (error) {
      this.#logger.warn({ err: error }, `unfinished files stay in ${this.#path}: ${describeError(error)}`);
    }
  }

  #unusable(problem: string, cause: unknown): NephoscopeError {
    return new NephoscopeError('STATE_DIRECTORY', `the state directory ${this.#path} ${problem}`, { cause });
  }
}

/** Makes the names of created directories durable. @param first the uppermost of them */
async function syncParents(path: string, first: string): Promise<void> {
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}
