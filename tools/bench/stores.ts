import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startPostgresql } from '../testbed/postgresql.js';
import { progress } from '../testbed/progress.js';

/** A separate, empty store. */
export interface MeasuredStore {
  /** For the option `storage.url`. */
  readonly url: string;
  /** The server's main process; undefined if the store runs within its program. */
  readonly pid: number | undefined;
  readonly settings: Readonly<Record<string, string>>;
  /** The size of its files on disk. */
  bytes(): Promise<number>;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

export const stores = { sqlite: startSqlite, postgresql: startServer };

export type StoreName = keyof typeof stores;

export const storeNames = Object.keys(stores) as StoreName[];

/** An empty store that exists while `work` runs. */
export async function withStore<Result>(
  name: StoreName,
  work: (store: MeasuredStore) => Promise<Result>,
): Promise<Result> {
  const store = await stores[name]();
  try {
    return await work(store);
  } finally {
    await store.stop();
  }
}

async function startSqlite(): Promise<MeasuredStore> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-bench-store-'));
  return {
    url: `sqlite:${join(directory, 'samples.db')}`,
    pid: undefined,
    settings: {},
    bytes: () => bytesIn(directory),
    stop: () => rm(directory, { recursive: true, force: true }),
  };
}

const shown = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'shared_buffers',
  'max_wal_size',
];

async function startServer(): Promise<MeasuredStore> {
  const server = await progress('Starting a private PostgreSQL', startPostgresql());
  const settings: Record<string, string> = {};
  for (const name of shown) settings[name] = (await server.psql(`show ${name}`)).trim();
  return {
    url: server.url,
    pid: await server.pid(),
    settings,
    // The databases, without the log, whose size is a setting.
    bytes: () => bytesIn(join(server.directory, 'base')),
    stop: server.stop,
  };
}

async function bytesIn(directory: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A file may be removed meanwhile.
    const stat = await lstat(join(entry.parentPath, entry.name)).catch(() => undefined);
    sum += (stat?.blocks ?? 0) * 512;
  }
  return sum;
}
