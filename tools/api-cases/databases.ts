import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample, SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import { systemClock } from '@nephoscope/runtime';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger } from '@nephoscope/testing';
import pg from 'pg';

const never = new AbortController().signal;

/** Makes databases with given samples, quickly, as copies of an empty one. */
export interface Databases {
  /** @returns its URL */
  make(samples: readonly Sample[]): Promise<string>;
  remove(): Promise<void>;
}

export function storeAt(url: string): SampleStore {
  return sql.create(settings(url));
}

export function readerAt(url: string): SampleReader {
  return sql.createReader(settings(url));
}

export async function sqliteDatabases(): Promise<Databases> {
  const folder = mkdtempSync(join(tmpdir(), 'nephoscope-cases-'));
  const empty = join(folder, 'empty.db');
  await record(`sqlite:${empty}`, []);
  let count = 0;
  return {
    async make(samples) {
      const path = join(folder, `${++count}.db`);
      copyFileSync(empty, path);
      return await record(`sqlite:${path}`, samples);
    },
    remove: () => Promise.resolve(rmSync(folder, { recursive: true })),
  };
}

/** @param url of a server, whose user may create databases */
export async function postgresqlDatabases(url: string): Promise<Databases> {
  const prefix = `cases_${randomUUID().replaceAll('-', '')}`;
  const made: string[] = [];
  const create = async (name: string, template = '') => {
    await execute(url, `create database ${name}${template}`);
    made.push(name);
    const own = new URL(url);
    own.pathname = `/${name}`;
    return own.href;
  };
  await record(await create(`${prefix}_empty`), []);
  let count = 0;
  return {
    make: async (samples) =>
      await record(await create(`${prefix}_${++count}`, ` template ${prefix}_empty`), samples),
    async remove() {
      for (const name of made) await execute(url, `drop database ${name} with (force)`);
    },
  };
}

async function record(url: string, samples: readonly Sample[]): Promise<string> {
  const store = storeAt(url);
  await store.start(never);
  try {
    await store.record(samples);
  } finally {
    await store.stop();
  }
  return url;
}

async function execute(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

function settings(url: string) {
  return { options: sql.options.parse({ url }), logger: new RecordingLogger(), clock: systemClock, host: 'cases' };
}
