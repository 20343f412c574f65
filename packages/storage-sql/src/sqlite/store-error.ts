import { types } from 'node:util';

import { NephoscopeError, PermanentError, describeError, isNephoscopeError } from '@nephoscope/core';

import { SqliteError } from './driver.js';
import { FilesMoved } from './files.js';

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html. */
const result = { busy: 5, locked: 6, readonly: 8, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 } as const;

function primaryCode(error: unknown): number | undefined {
  return error instanceof SqliteError ? error.resultCode & 0xff : undefined;
}

/** Whether another connection holds the lock, so that a short wait may help. */
export function isLocked(error: unknown): boolean {
  const code = primaryCode(error);
  return code === result.busy || code === result.locked;
}

/** Whether the file was opened read-only: SQLite does so if it may not write, and does not change that later. */
export function isReadOnly(error: unknown): boolean {
  return primaryCode(error) === result.readonly;
}

/** Whether SQLite considers the file damaged. It also reports this for a read that failed once (EIO). */
export function isDamaged(error: unknown): boolean {
  return primaryCode(error) === result.corrupt;
}

/**
 * The coded error of a failure: STORE_INVALID if the file is not an intact database, else STORE_UNAVAILABLE. Only
 * SAMPLE_INVALID is about a sample; every other error, known or not, is about the store.
 */
export function storeError(cause: unknown, path: string): NephoscopeError {
  if (isNephoscopeError(cause) && /^(STORE|SAMPLE)_/.test(cause.code)) return cause;
  const unavailable = (what: string) => new NephoscopeError('STORE_UNAVAILABLE', what, { cause });
  const invalid = (what: string) => new PermanentError('STORE_INVALID', what, { cause });
  if (cause instanceof FilesMoved) return new NephoscopeError('STORE_UNAVAILABLE', cause.message);
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
        : unavailable(`${path} failed: ${describeError(cause)}`);
    default:
      return unavailable(`${path} failed: ${describeError(cause)}`);
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return types.isNativeError(error) && 'syscall' in error;
}
