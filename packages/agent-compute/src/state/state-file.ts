import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { z } from 'zod';

import { replaceFile } from '../disk/replace-file.js';
import { syncFolder } from '../disk/sync-folder.js';

/** The content of the file and of its previous version, or why it cannot be read. */
type Found<T> = { readonly value: T } | { readonly problem: unknown } | undefined;

/**
 * A JSON object in a file `<name>.json`, which is replaced as a whole; the previous one is kept as
 * `<name>.previous.json`. The last member, `crc32`, is the checksum of everything before it; older versions had none.
 */
export class StateFile<T> {
  readonly #folder: string;
  readonly #name: string;
  readonly #schema: z.ZodType<T>;
  readonly #logger: Logger;
  /** Whether the file is known to be intact: a damaged one must not replace the copy. */
  #isGood = false;

  constructor(folder: string, name: string, schema: z.ZodType<T>, logger: Logger) {
    this.#folder = folder;
    this.#name = name;
    this.#schema = schema;
    this.#logger = logger;
  }

  /**
   * The last written value, or the previous one if the file cannot be read. Undefined if neither exists.
   *
   * @throws STATE_DIRECTORY if neither can be read
   */
  async read(): Promise<T | undefined> {
    const file = await this.#find(this.#path);
    this.#isGood = file !== undefined && 'value' in file;
    if (file !== undefined && 'value' in file) return file.value;
    const before = await this.#find(this.#previous);
    if (before !== undefined && 'value' in before) {
      const why = file === undefined ? 'is not there' : `cannot be read: ${describeError(file.problem)}`;
      this.#logger.error(
        { file: this.#path, ...(file === undefined ? {} : { err: file.problem }) },
        `${this.#path} ${why}; its contents are restored from ${this.#previous}`,
      );
      return before.value;
    }
    if (file === undefined && before === undefined) return undefined;
    throw new NephoscopeError(
      'STATE_DIRECTORY',
      `the state directory ${this.#folder} has a file ${file === undefined ? this.#previous : this.#path} that cannot be read, and no good copy of it: fix the disk or its permissions. It is needed as it was when the agent ended: an older one would change what is billed`,
      { cause: (file ?? before)?.problem },
    );
  }

  /**
   * @param members of the object, as JSON, which may come in parts: `"a":1,"b":2`
   * @throws STATE_DIRECTORY
   */
  async write(members: string | readonly Uint8Array[]): Promise<void> {
    const parts = [Buffer.from('{'), ...(typeof members === 'string' ? [Buffer.from(members)] : members)];
    const checksum = parts.reduce((sum, part) => crc32(part, sum), 0);
    const end = `,"crc32":"${checksum.toString(16).padStart(8, '0')}"}\n`;
    try {
      await replaceFile(this.#path, [...parts, Buffer.from(end)], this.#isGood ? this.#previous : undefined);
      await syncFolder(this.#folder);
    } catch (error) {
      throw new NephoscopeError(
        'STATE_DIRECTORY',
        `the state directory ${this.#folder} cannot take ${this.#name}.json; free space, or fix its permissions`,
        { cause: error },
      );
    }
    this.#isGood = true;
  }

  get #path(): string {
    return join(this.#folder, `${this.#name}.json`);
  }

  get #previous(): string {
    return join(this.#folder, `${this.#name}.previous.json`);
  }

  async #find(path: string): Promise<Found<T>> {
    try {
      const text = await readFile(path, 'utf8');
      checkSum(text);
      return { value: this.#schema.parse(JSON.parse(text)) };
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : { problem: error };
    }
  }
}

const ending = /,"crc32":"([0-9a-f]{8})"\}\n$/;

/** @throws Error if the bytes differ from what was written */
function checkSum(text: string): void {
  const [all, checksum] = ending.exec(text.slice(-64)) ?? [];
  if (all !== undefined && crc32(text.slice(0, -all.length)) !== Number.parseInt(checksum!, 16))
    throw new Error('its checksum is wrong: it is damaged');
}
