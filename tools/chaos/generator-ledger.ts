import { open, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** A message that the load generator decided to send. */
export interface LoadMessage {
  readonly number: number;
  readonly routingKey: string;
  readonly body: string;
  /** Ids of the samples in it that must be recorded. */
  readonly good: readonly string[];
  /** Ids of those that are signed with a wrong secret: they belong among the dead letters. */
  readonly bad: readonly string[];
  /** Sent once more after the bus has confirmed it. */
  readonly twice: boolean;
}

/**
 * The state of the load generator that must survive a kill: the messages, each on disk before it is sent for the
 * first time, and which of them are confirmed. Losing a confirmation only sends a message once too often.
 */
export class GeneratorLedger {
  readonly #messages: FileHandle;
  readonly #confirmed: FileHandle;

  private constructor(messages: FileHandle, confirmed: FileHandle) {
    this.#messages = messages;
    this.#confirmed = confirmed;
  }

  /** For the only writing process: cuts off an incomplete message of a killed one, which was never sent. */
  static async open(directory: string): Promise<GeneratorLedger> {
    const path = messagesPath(directory);
    const messages = await open(path, 'a');
    const bytes = await readFile(path);
    await messages.truncate(bytes.lastIndexOf(0x0a) + 1);
    return new GeneratorLedger(messages, await open(confirmedPath(directory), 'a'));
  }

  /** Resolves when they are on disk. */
  async add(messages: readonly LoadMessage[]): Promise<void> {
    await this.#messages.appendFile(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
    await this.#messages.datasync();
  }

  async confirm(number: number): Promise<void> {
    await this.#confirmed.appendFile(`${number}\n`);
  }

  async close(): Promise<void> {
    await this.#messages.close();
    await this.#confirmed.close();
  }
}

/** Also while it is written. Empty when nothing was written yet. */
export async function readGeneratorLedger(
  directory: string,
): Promise<{ readonly messages: readonly LoadMessage[]; readonly confirmed: ReadonlySet<number> }> {
  const messages = await completeLines(messagesPath(directory));
  const confirmed = await completeLines(confirmedPath(directory));
  return {
    messages: messages.map((line) => JSON.parse(line) as LoadMessage),
    confirmed: new Set(confirmed.map(Number)),
  };
}

const messagesPath = (directory: string) => join(directory, 'messages.ndjson');
const confirmedPath = (directory: string) => join(directory, 'confirmed');

async function completeLines(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').slice(0, -1);
}
