import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Database } from './driver.js';

/** Page cache of a connection in KiB: a writing one uses the pages of its indexes again and again. */
const cacheSize = { reading: 2_048, writing: 16_384 } as const;

/**
 * A function called by queries for each row, whether the result is still wanted: an argument that is 1; otherwise the
 * query fails.
 */
export const isWantedFunction = 'is_wanted';

/**
 * Opens an existing file and creates none. Nothing can be changed through it. It is opened writable because the last
 * connection to close writes back the log and removes it, which one opened read-only would leave behind.
 */
export function openToRead(path: string, isWanted: () => boolean): Database {
  const url = pathToFileURL(path);
  url.searchParams.set('mode', 'rw');
  const sqlite = new Database(url.href);
  try {
    sqlite.exec(`pragma query_only = on; pragma cache_size = -${cacheSize.reading}`);
    sqlite.define(isWantedFunction, () => {
      if (isWanted()) return 1;
      throw new Error('nobody waits for the answer any more');
    });
    // Opens the log, and fails if the file is not a database.
    sqlite.prepare('select 1 from sqlite_master limit 1').get();
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Opens the file, creating it and its folder. It does not wait for locks, which would block the whole program. */
export function openDatabase(path: string, use: keyof typeof cacheSize): Database {
  makeFolder(dirname(path));
  makeFile(path);
  const sqlite = new Database(path);
  try {
    // A commit is on disk when it returns: each one syncs the write-ahead log.
    sqlite.exec('pragma journal_mode = wal; pragma synchronous = full');
    // Pages changed by several batches are written back once: 32 MiB of log between two checkpoints.
    sqlite.exec('pragma wal_autocheckpoint = 8192; pragma journal_size_limit = 67108864');
    sqlite.exec(`pragma cache_size = -${cacheSize[use]}`);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Without Node's `recursive`, which never returns if nothing can be created in the parent, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Another program may have created it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Readable by its user only, whatever the umask; SQLite creates the log with the same mode. SQLite reports failures.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch {
    // It exists, or cannot be created.
  }
}

/** What every user of this machine can do to the file, and how to prevent it, in words; undefined: nothing. */
export function exposure(path: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  const folder = dirname(path);
  // In a sticky directory such as /tmp, only the owner can remove a file.
  if ((statSync(folder).mode & 0o1002) === 0o002)
    return `every user of this machine can replace the samples: 'chmod o-w ${folder}' ends that`;
  const { mode } = statSync(path);
  const may = [...((mode & 0o004) !== 0 ? ['read'] : []), ...((mode & 0o002) !== 0 ? ['change'] : [])];
  if (may.length === 0) return undefined;
  return `every user of this machine can ${may.join(' and ')} the samples: 'chmod o-rwx ${path}*' ends that`;
}

/**
 * Closes the file with its log written back. The descriptors of a connection are released when its statements have
 * been garbage-collected, so the log is emptied here and not at the closing.
 */
export function closeDatabase(sqlite: Database): void {
  try {
    emptyLog(sqlite);
  } finally {
    sqlite.close();
  }
}

/**
 * Writes the log back into the file. @returns whether it is complete: another program may still be reading from the
 * log
 */
export function emptyLog(sqlite: Database): boolean {
  const result = sqlite.prepare('pragma wal_checkpoint(truncate)').get() as { readonly busy: bigint };
  return result.busy === 0n;
}
