import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Database } from './driver.js';

/** KiB of pages that a connection keeps: one that writes goes over those of its indexes again and again. */
const cacheSize = { reading: 2_048, writing: 16_384 } as const;

/** What a query asks for each row whether somebody still waits for it: an argument that is 1, or it ends. */
export const isWantedFunction = 'is_wanted';

/**
 * Opens a file that is there, and makes none. Nothing can be changed through it, but that who closes it last writes the log back and
 * removes it, which a connection that was opened for reading only would leave behind.
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
    // Opens the log, and tells of a file that is no database.
    sqlite.prepare('select 1 from sqlite_master limit 1').get();
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Opens the file, making it and its folder. A lock is not waited for: in here that would stop the whole program. */
export function openDatabase(path: string, use: keyof typeof cacheSize): Database {
  makeFolder(dirname(path));
  makeFile(path);
  const sqlite = new Database(path);
  try {
    // A commit is on disk when it returns: each one syncs the write-ahead log.
    sqlite.exec('pragma journal_mode = wal; pragma synchronous = full');
    // Pages that several batches touch are written back once: 32 MiB of log between two checkpoints.
    sqlite.exec('pragma wal_autocheckpoint = 8192; pragma journal_size_limit = 67108864');
    sqlite.exec(`pragma cache_size = -${cacheSize[use]}`);
    return sqlite;
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
    mkdirSync(path, 0o700);
  } catch (error) {
    // Another program may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** For its user alone, whatever the umask; SQLite makes the log beside it alike. What fails here SQLite tells of. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch {
    // It is there, or cannot be made.
  }
}

/** What every user of this machine can do to the file, in words, and what ends that; undefined: nothing. */
export function exposure(path: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  const folder = dirname(path);
  // In a sticky one, as /tmp, a file is its owner's to remove.
  if ((statSync(folder).mode & 0o1002) === 0o002)
    return `every user of this machine can replace the samples: 'chmod o-w ${folder}' ends that`;
  const { mode } = statSync(path);
  const may = [...((mode & 0o004) !== 0 ? ['read'] : []), ...((mode & 0o002) !== 0 ? ['change'] : [])];
  if (may.length === 0) return undefined;
  return `every user of this machine can ${may.join(' and ')} the samples: 'chmod o-rwx ${path}*' ends that`;
}

/**
 * Closes the file with its log written back. The descriptors of a connection are freed when its
 * statements have been garbage-collected, so the log is emptied here and not left to the closing.
 */
export function closeDatabase(sqlite: Database): void {
  try {
    emptyLog(sqlite);
  } finally {
    sqlite.close();
  }
}

/** Writes the log back into the file. @returns whether all of it is there: another program may still read from it */
export function emptyLog(sqlite: Database): boolean {
  const result = sqlite.prepare('pragma wal_checkpoint(truncate)').get() as { readonly busy: bigint };
  return result.busy === 0n;
}
