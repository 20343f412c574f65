import { rmSync, statSync } from 'node:fs';

/** The files at a path: device and inode of the database, of its log, and of the log's index; empty if missing. */
export interface Files {
  readonly database: string;
  readonly log: string;
  readonly index: string;
}

const suffixes = { database: '', log: '-wal', index: '-shm' } as const;

export function filesAt(path: string): Files {
  return {
    database: fileAt(path),
    log: fileAt(path + suffixes.log),
    index: fileAt(path + suffixes.index),
  };
}

/** Whether a program has created a log or an index of its own after ours were removed. */
export function hasOtherLog(open: Files, now: Files): boolean {
  return (now.log !== '' && now.log !== open.log) || (now.index !== '' && now.index !== open.index);
}

/** Removes the log of a database that was replaced, because SQLite would take it for that of the new one. */
export function removeLog(path: string, open: Files): void {
  for (const part of ['log', 'index'] as const)
    if (open[part] !== '' && fileAt(path + suffixes[part]) === open[part]) rmSync(path + suffixes[part]);
}

export function sameFiles(one: Files, other: Files): boolean {
  return one.database === other.database && one.log === other.log && one.index === other.index;
}

/** Data written into a removed file is lost when the last process closes it. */
export class FilesMoved extends Error {
  override readonly name = 'FilesMoved';
}

/** Undefined as long as the open files are the ones at the path. */
export function moved(path: string, open: Files): FilesMoved | undefined {
  const now = filesAt(path);
  if (now.database === '')
    return new FilesMoved(
      `${path} was removed while it was open: put it back, or start this program again to go on with an empty one`,
    );
  if (now.database !== open.database) return new FilesMoved(`${path} was replaced while it was open`);
  if (now.log !== open.log || now.index !== open.index)
    return new FilesMoved(
      `the log of ${path} (-wal, -shm) was removed or replaced while it was open: start this program again`,
    );
  return undefined;
}

function fileAt(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
}
