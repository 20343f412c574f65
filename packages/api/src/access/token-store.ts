import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { chown, link, lstat, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import { z } from 'zod';

/** A token that `nephoscope tokens` created, without the token itself. */
const recordSchema = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name: z.string().min(1).max(200),
  scope: z.union([z.literal('all'), z.strictObject({ project: z.string().min(1).max(255) })]),
  role: z.enum(['reader', 'member', 'admin']),
  created: z.iso.datetime(),
  expires: z.iso.datetime().nullable(),
  /** SHA-256 of the token, in hexadecimal digits. A slow hash would protect no better: it has 256 random bits. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

export type TokenRecord = Readonly<z.output<typeof recordSchema>>;

const form = /^nephoscope_([0-9a-f]{16})_[\w-]{43}$/;

/** Whether a text is a token of this kind, known or not. */
export function isOwnToken(token: Secret): boolean {
  return token.reveal().startsWith('nephoscope_');
}

/**
 * Tokens in a directory, one file each, so that commands and servers need no lock: a file appears completely or not at all, and a
 * token is revoked by removing its file.
 */
export class TokenStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * @returns the token as well, which is not stored anywhere
   * @throws TOKEN_INVALID if the name is in use; TOKENS_UNAVAILABLE
   */
  async create(
    given: Pick<TokenRecord, 'name' | 'scope' | 'role'> & { readonly expires: Date | null },
  ): Promise<{ readonly token: Secret; readonly record: TokenRecord }> {
    const texts = [given.name, given.scope === 'all' ? '' : given.scope.project];
    if (texts.some((text) => text !== text.trim()))
      throw new NephoscopeError(
        'TOKEN_INVALID',
        'a name or the id of a project neither begins nor ends with a blank: such a project would have no samples',
      );
    await this.#prepare();
    if ((await this.list(ignored)).some(({ name }) => name === given.name))
      throw new NephoscopeError(
        'TOKEN_INVALID',
        `there is a token named '${given.name}': revoke it, or choose another name`,
      );
    const id = randomBytes(8).toString('hex');
    const token = new Secret(`nephoscope_${id}_${randomBytes(32).toString('base64url')}`);
    const record = recordSchema.safeParse({
      ...given,
      id,
      created: new Date().toISOString(),
      expires: given.expires?.toISOString() ?? null,
      hash: hashOf(token).toString('hex'),
    });
    if (!record.success)
      throw new NephoscopeError(
        'TOKEN_INVALID',
        'a name has 1 to 200 characters, and the id of a project 1 to 255',
      );
    await this.#write(record.data);
    return { token, record: record.data };
  }

  /**
   * Sorted by name.
   *
   * @param unusable is told of each file that is damaged, unreadable, or that others may write; the other tokens are listed
   * @throws TOKENS_UNAVAILABLE
   */
  async list(unusable: (error: NephoscopeError) => void): Promise<readonly TokenRecord[]> {
    const names = await readdir(this.#directory).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw this.#unavailable(error);
    });
    const ids = names.flatMap((name) => /^([0-9a-f]{16})\.json$/.exec(name)?.[1] ?? []);
    const records = await Promise.all(
      ids.map((id) =>
        this.#read(id).catch((error: unknown) => {
          if (!isNephoscopeError(error)) throw error;
          unusable(error);
          return undefined;
        }),
      ),
    );
    return records.filter((one) => one !== undefined).sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /**
   * Removes a file that cannot be used, too, by its id.
   *
   * @returns false if none has this id or name. @throws TOKENS_UNAVAILABLE
   */
  async revoke(idOrName: string): Promise<boolean> {
    const found = (await this.list(ignored)).find(({ id, name }) => id === idOrName || name === idOrName);
    const id = found?.id ?? (await this.#idOf(idOrName));
    if (id === undefined) return false;
    await unlink(this.#pathOf(id)).catch((error: unknown) => {
      if (!isMissing(error)) throw this.#unavailable(error);
    });
    return true;
  }

  /** Undefined for a text that is no id of a file here. */
  async #idOf(text: string): Promise<string | undefined> {
    if (!/^[0-9a-f]{16}$/.test(text)) return undefined;
    return await lstat(this.#pathOf(text)).then(
      () => text,
      (error: unknown) => {
        if (isMissing(error)) return undefined;
        throw this.#unavailable(error);
      },
    );
  }

  /** Undefined if it is unknown, expired or revoked. @throws TOKENS_UNAVAILABLE, TOKEN_INVALID */
  async find(token: Secret): Promise<TokenRecord | undefined> {
    const id = form.exec(token.reveal())?.[1];
    if (id === undefined) return undefined;
    const record = await this.#read(id);
    const isRight = timingSafeEqual(hashOf(token), Buffer.from(record?.hash ?? '0'.repeat(64), 'hex'));
    if (record === undefined || !isRight) return undefined;
    return record.expires !== null && Date.parse(record.expires) <= Date.now() ? undefined : record;
  }

  async #prepare(): Promise<void> {
    try {
      const made = await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      if (made !== undefined) await this.#giveTo(this.#directory, dirname(this.#directory));
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  async #write(record: TokenRecord): Promise<void> {
    const path = this.#pathOf(record.id);
    const temporary = join(this.#directory, `.${record.id}.new`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(record)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#giveTo(temporary, this.#directory);
      await link(temporary, path);
    } catch (error) {
      throw this.#unavailable(error);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Gives a file that root created to the owner of the parent folder, who must be able to read it. */
  async #giveTo(path: string, folder: string): Promise<void> {
    if (process.getuid?.() !== 0) return;
    const { uid, gid } = await stat(folder);
    await chown(path, uid, gid);
  }

  async #read(id: string): Promise<TokenRecord | undefined> {
    const path = this.#pathOf(id);
    let text: string;
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        if (((await file.stat()).mode & 0o022) !== 0)
          throw new NephoscopeError(
            'TOKEN_INVALID',
            `others may write ${path}, so it is not trusted: chmod 600 ${path}`,
          );
        text = await file.readFile('utf8');
      } finally {
        await file.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (error instanceof NephoscopeError) throw error;
      throw new NephoscopeError(
        'TOKENS_UNAVAILABLE',
        `${path} cannot be read: check whose it is, and that it is no link`,
        {
          cause: error,
        },
      );
    }
    try {
      const record = recordSchema.parse(JSON.parse(text));
      if (record.id === id) return record;
    } catch {
      // Reported below, without the contents.
    }
    throw new NephoscopeError('TOKEN_INVALID', `${path} is not what 'nephoscope tokens create' wrote: remove it`);
  }

  #pathOf(id: string): string {
    return join(this.#directory, `${id}.json`);
  }

  #unavailable(cause: unknown): NephoscopeError {
    return new NephoscopeError(
      'TOKENS_UNAVAILABLE',
      `the tokens in ${this.#directory} cannot be read or written: check api.access.directory and whose it is`,
      { cause },
    );
  }
}

function hashOf(token: Secret): Buffer {
  return createHash('sha256').update(token.reveal()).digest();
}

/** Of files that cannot be used: `list` of the command tells of them. */
const ignored = () => undefined;

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
