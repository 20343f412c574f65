import { randomUUID } from 'node:crypto';

import type { Clock } from '@nephoscope/core';
import type { Sample, SampleQuery, SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';
import pg from 'pg';

import { sharedPostgresqlUrl } from '../../../../tools/testbed/shared.js';
import { PostgresqlSampleStore } from '../../src/postgresql/postgresql-sample-store.js';
import { PostgresqlSampleReader } from '../../src/postgresql/reading/postgresql-sample-reader.js';
import { PostgresqlUrl } from '../../src/postgresql/postgresql-url.js';
import { realClock } from '../store-at.js';

export const never: AbortSignal = new AbortController().signal;

/** Enough for a busy machine; the short ones are for tests that wait for them. */
export const limits = { connect: 20_000, statement: 30_000, silence: 20_000, rest: 30_000 };
export const shortLimits = { connect: 1_000, statement: 1_000, silence: 500, rest: 30_000 };

const log = () => undefined;
const logger = { debug: log, info: log, warn: log, error: log };

/** A store, with the URL of its database. */
export type StoreAt = SampleStore & { readonly url: string; readonly within?: typeof limits };

export function storeAt(
  url: string,
  {
    tls = {},
    clock = realClock,
    within = limits,
  }: { tls?: { caFile?: string }; clock?: Clock; within?: typeof limits } = {},
): StoreAt {
  const store = new PostgresqlSampleStore(
    { url: new PostgresqlUrl(url), tls },
    { logger, clock, host: 'test' },
    within,
  );
  return Object.assign(store, { url, within });
}

export function readerAt(url: string, within = limits): SampleReader {
  return new PostgresqlSampleReader({ url: new PostgresqlUrl(url), tls: {} }, { logger, host: 'test' }, within);
}

/** Runs SQL as the user of the URL. */
export async function execute(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Creates an empty database on the server of `url`, with a unique name. */
export async function newDatabase(url = sharedPostgresqlUrl()): Promise<string> {
  const made = new URL(url);
  made.pathname = `/store_${randomUUID().replaceAll('-', '')}`;
  await execute(url, `create database ${made.pathname.slice(1)}`);
  return made.href;
}

export async function dropDatabase(made: string, url = sharedPostgresqlUrl()): Promise<void> {
  await execute(url, `drop database ${new URL(made).pathname.slice(1)} with (force)`);
}

/** What a separate reader finds in the store's database. */
export async function all(
  { url, within }: Pick<StoreAt, 'url' | 'within'>,
  query: Partial<SampleQuery> = {},
): Promise<Sample[]> {
  const reader = readerAt(url, within);
  await reader.start(never);
  try {
    return await read(reader, query);
  } finally {
    await reader.stop();
  }
}

export async function read(reader: SampleReader, query: Partial<SampleQuery> = {}): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of reader.samples({ scope: 'all', ...query }, never)) found.push(sample);
  return found;
}

/** Samples of a batch, each of a different series, with some text. */
export function batch(count: number): Sample[] {
  return Array.from({ length: count }, (_, at) =>
    exampleSample({ resourceId: `r${at}`, sequence: BigInt(at), metadata: `{"pad": "${'x'.repeat(300)}${at}"}` }),
  );
}
