import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join, resolve } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import writeFileAtomic from 'write-file-atomic';

import type { StoredEpochs } from './epochs.js';
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

/**
 * The folder in which an agent keeps what must survive its restart. Each file is replaced as a whole and
 * synced, so that `kill -9` leaves the old one or the new one.
 */
export class StateDirectory {
  readonly #path: string;
  #lock: Server | undefined;

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
    } catch (error) {
      throw this.#unusable('cannot be made; name a folder that this user may write to', error);
    }
    this.#lock = await this.#takeLock();
  }

  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    if (lock !== undefined) await new Promise((done) => lock.close(done));
  }

  /** The state left by the last run; that of a new agent when there is none. */
  async load(): Promise<AgentState> {
    const text = await this.#read('state.json');
    if (text === undefined) return { agentId: randomUUID(), sequence: 0n, epochs: {} };
    try {
      const { agentId, sequence, epochs } = JSON.parse(text) as { agentId: string; sequence: string; epochs: StoredEpochs };
      if (typeof agentId !== 'string' || typeof epochs !== 'object') throw new TypeError('agentId or epochs is missing');
      return { agentId, sequence: BigInt(sequence), epochs };
    } catch (error) {
      throw this.#unusable('holds a state.json that cannot be read; restore it, or move it away to begin as a new agent', error);
    }
  }

  async save({ agentId, sequence, epochs }: Omit<AgentState, 'epochs'> & { readonly epochs: { toJSON(): StoredEpochs } }): Promise<void> {
    await this.#write('state.json', JSON.stringify({ agentId, sequence: String(sequence), epochs }));
  }

  /** Messages that the last run could not send. They stay on disk until `saveUnsent` replaces them. */
  async loadUnsent(): Promise<readonly UnsentMessage[]> {
    const text = await this.#read('unsent.ndjson');
    if (text === undefined) return [];
    try {
      return parseMessages(text);
    } catch (error) {
      throw this.#unusable('holds an unsent.ndjson that cannot be read; the samples in it were not sent yet: restore it, or move it away', error);
    }
  }

  async saveUnsent(messages: readonly UnsentMessage[]): Promise<void> {
    if (messages.length === 0) await rm(join(this.#path, 'unsent.ndjson'), { force: true });
    else await this.#write('unsent.ndjson', serializeMessages(messages));
  }

  /** A socket without a file: the kernel gives it up with the process, however that ends. */
  async #takeLock(): Promise<Server> {
    const name = `\0nephoscope-agent-${createHash('sha256').update(this.#path).digest('hex').slice(0, 32)}`;
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((done, fail) => {
      server.once('error', (error) => fail(this.#unusable('is in use by another agent; give each agent its own (compute.stateDirectory)', error)));
      server.listen(name, done);
    });
    server.unref();
    return server;
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#path, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.#unusable(`has a ${name} that cannot be read`, error);
    }
  }

  async #write(name: string, text: string): Promise<void> {
    try {
      await writeFileAtomic(join(this.#path, name), text, { mode: 0o600 });
    } catch (error) {
      throw this.#unusable(`cannot take ${name}; free space or mend its permissions`, error);
    }
  }

  #unusable(problem: string, cause: unknown): NephoscopeError {
    return new NephoscopeError('STATE_DIRECTORY', `the state directory ${this.#path} ${problem}`, { cause });
  }
}
