import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, realpath, rm, truncate } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join, resolve } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';

import type { Epochs, StoredEpochs } from './epochs.js';
import { parseMessages, serializeMessages } from './unsent-file.js';
import type { UnsentMessage } from './unsent-file.js';

/** What an agent must not forget. */
export interface AgentState {
  /** Made once with the directory: numbers start at 1 for each. */
  readonly agentId: string;
  /** The number of the last message that was made. */
  readonly sequence: bigint;
  readonly epochs: StoredEpochs;
}

const volume = z.string().refine((text) => text !== '' && Number.isFinite(Number(text)), 'is no number');
const storedState = z.object({
  agentId: z.string().min(1),
  sequence: z.string().regex(/^\d+$/).transform(BigInt),
});
const storedEpochs = z.record(
  z.string(),
  z.object({
    run: z.string(),
    recurrence: z.int().min(0),
    ended: z.boolean(),
    lastSeen: z.number(),
    series: z.record(z.string(), z.tuple([volume, z.int().min(0)])),
  }),
);

const stateFile = 'state.json';
const epochsFile = 'epochs.json';
const unsentFile = 'unsent.ndjson';

/**
 * The folder in which an agent keeps what must survive its restart, also by `kill -9`. The state is replaced as
 * a whole and synced; unsent messages are appended and synced, and a line that was cut off counts as not written.
 */
export class StateDirectory {
  #path: string;
  #lock: Server | undefined;
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
    this.#lock = await this.#takeLock();
  }

  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    if (lock !== undefined) await new Promise((done) => lock.close(done));
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
    return { ...(state ?? { agentId: randomUUID(), sequence: 0n }), epochs: epochs ?? {} };
  }

  /**
   * Writes what has changed since it was saved.
   *
   * @throws STATE_DIRECTORY
   */
  async save({
    agentId,
    sequence,
    epochs,
  }: Omit<AgentState, 'epochs'> & { readonly epochs: Pick<Epochs, 'revision' | 'toJSON'> }): Promise<void> {
    const { revision } = epochs;
    if (revision !== this.#savedEpochs) await this.#replace(epochsFile, JSON.stringify(epochs));
    this.#savedEpochs = revision;
    const text = JSON.stringify({ agentId, sequence: String(sequence) });
    if (text !== this.#savedState) await this.#replace(stateFile, text);
    this.#savedState = text;
  }

  /**
   * Messages that no run has sent yet, oldest first.
   *
   * @throws STATE_DIRECTORY
   */
  async loadUnsent(): Promise<readonly UnsentMessage[]> {
    const text = await this.#read(unsentFile);
    if (text === undefined) return [];
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    try {
      // So that the next line does not continue the one that was cut off.
      if (whole.length < text.length) await truncate(join(this.#path, unsentFile), Buffer.byteLength(whole));
      return parseMessages(whole);
    } catch (error) {
      throw this.#unusable(
        `holds an ${unsentFile} that cannot be understood; the samples in it were not sent yet: restore it, or move it away`,
        error,
      );
    }
  }

  /** Adds messages to those that `loadUnsent` will find: all of them or none. @throws STATE_DIRECTORY */
  async keepUnsent(messages: readonly UnsentMessage[]): Promise<void> {
    try {
      const file = await open(join(this.#path, unsentFile), 'a', 0o600);
      try {
        const { size } = await file.stat();
        try {
          await file.appendFile(serializeMessages(messages));
          await file.datasync();
        } catch (error) {
          await file.truncate(size);
          throw error;
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw this.#unwritable(unsentFile, error);
    }
  }

  /** @throws STATE_DIRECTORY */
  async forgetUnsent(): Promise<void> {
    try {
      await rm(join(this.#path, unsentFile), { force: true });
    } catch (error) {
      throw this.#unwritable(unsentFile, error);
    }
  }

  /** A socket without a file: the kernel gives it up with the process, however that ends. */
  async #takeLock(): Promise<Server> {
    const name = `\0nephoscope-agent-${createHash('sha256').update(this.#path).digest('hex').slice(0, 32)}`;
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((done, fail) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE';
        fail(
          this.#unusable(
            taken
              ? 'is in use by another agent; give each agent its own (compute.stateDirectory)'
              : 'cannot be locked',
            error,
          ),
        );
      });
      server.listen(name, done);
    });
    server.unref();
    return server;
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
