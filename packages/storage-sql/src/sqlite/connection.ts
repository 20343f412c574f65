import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { types } from 'node:util';

import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';
import { CompiledQuery, Kysely, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type { DatabaseConnection, SqliteDialectConfig } from 'kysely';
import Database from 'libsql';

import type { Schema } from '../schema.js';

/** An open file: for typed queries, and for what is too hot for them. */
export interface SqliteConnection {
  readonly db: Kysely<Schema>;
  readonly sqlite: Database.Database;
}

/** The path of a `sqlite:` URL; `:memory:` stays what it is. */
export function sqlitePath(url: string): string {
  const path = url.slice('sqlite:'.length);
  return path === ':memory:' ? path : resolve(path);
}

/** Opens the file, making it and its folder. A lock is not waited for: in here that would stop the whole program. */
export function openSqlite(path: string): SqliteConnection {
  if (path !== ':memory:') makeFolder(dirname(path));
  const sqlite = new Database(path);
  try {
    // A commit is on disk when it returns: each one syncs the write-ahead log.
    sqlite.exec('pragma journal_mode = wal; pragma synchronous = full');
    // Pages that several batches touch are written back once: 32 MiB of log between two checkpoints.
    sqlite.exec(
      'pragma wal_autocheckpoint = 8192; pragma journal_size_limit = 67108864; pragma cache_size = -16384',
    );
    sqlite.defaultSafeIntegers(true);
    return { db: new Kysely<Schema>({ dialect: new Dialect({ database: sqlite }) }), sqlite };
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Not by Node's `recursive`, which never returns where the parent lets nothing be made in it, as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another program may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Closes the file with its log written back. libsql frees the descriptors of a connection when its
 * statements have been garbage-collected, so the log is emptied here and not left to the closing.
 */
export function closeSqlite({ sqlite }: SqliteConnection): void {
  try {
    sqlite.prepare('pragma wal_checkpoint(truncate)').all();
  } finally {
    sqlite.close();
  }
}

/** SQLite can undo changes of the schema, and two programs may start at once: one transaction that writes from its start. */
class Dialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): SqliteDriver {
    return new Driver(this.#config);
  }

  override createAdapter(): SqliteAdapter {
    return new Adapter();
  }
}

class Driver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html. */
const result = { busy: 5, locked: 6, readonly: 8, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 } as const;

function primaryCode(error: unknown): number | undefined {
  if (error instanceof Database.SqliteError && typeof error.rawCode === 'number') return error.rawCode & 0xff;
  // What fails while opening has its code only at the end of its text.
  const opening = types.isNativeError(error) ? /ConnectionFailed\(.*: (\d+)"\)/.exec(error.message) : null;
  return opening === null ? undefined : Number(opening[1]) & 0xff;
}

/** Whether another connection holds the lock: worth to wait a moment. */
export function isLocked(error: unknown): boolean {
  const code = primaryCode(error);
  return code === result.busy || code === result.locked;
}

/**
 * The coded error of what the database or its file system refused: STORE_INVALID when the file is no intact
 * database, else STORE_UNAVAILABLE. Undefined when the failure is not the store's.
 */
export function storeError(cause: unknown, path: string): NephoscopeError | undefined {
  if (isNephoscopeError(cause)) return cause.code.startsWith('STORE_') ? cause : undefined;
  const unavailable = (what: string) => new NephoscopeError('STORE_UNAVAILABLE', what, { cause });
  const invalid = (what: string) => new NephoscopeError('STORE_INVALID', what, { cause });
  switch (primaryCode(cause)) {
    case result.notADatabase:
      return invalid(
        `${path} is no SQLite database: give another path in the option 'url', or move the file away`,
      );
    case result.corrupt:
      return invalid(
        `${path} is damaged: restore it from a backup, or save what can be read with 'sqlite3 ${path} .recover'`,
      );
    case result.full:
      return unavailable(
        `the disk of ${path} is full: free space there; what was not recorded can be offered again`,
      );
    case result.busy:
    case result.locked:
      return unavailable(`${path} is locked by another program: find it with 'fuser ${path}' and let it finish`);
    case result.readonly:
      return unavailable(
        `${path} cannot be written: make the file, its folder and the file system writable for this user`,
      );
    case result.cantOpen:
      return unavailable(
        `${path} cannot be opened: it must be a file, in a folder on a file system that this user may write to`,
      );
    case undefined:
      return isSystemError(cause)
        ? unavailable(`the folder of ${path} cannot be made (${cause.message}): make it, writable for this user`)
        : undefined;
    default:
      return unavailable(`${path} failed: ${describeError(cause)}`);
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return types.isNativeError(error) && 'syscall' in error;
}
