import type { PluginSettings } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { createLogger, systemClock } from '@nephoscope/runtime';
import storageSql from '@nephoscope/storage-sql';
import { Client } from 'pg';
import type { z } from 'zod';

const never: AbortSignal = new AbortController().signal;

/** Reads what collectors recorded, as any reader of the store does. */
export function readerAt(url: string): SampleReader {
  const plugin = storageSql as {
    readonly options: z.ZodType;
    createReader(settings: PluginSettings<unknown>): SampleReader;
  };
  return plugin.createReader({
    options: plugin.options.parse({ url }),
    logger: createLogger({ name: 'check', level: 'error' }),
    clock: systemClock,
    host: 'check',
  });
}

export async function countOf(reader: SampleReader): Promise<number> {
  const meters = await reader.meters({ scope: 'all' }, never);
  return meters.reduce((sum, { samples }) => sum + samples, 0);
}

/** The rows of a PostgreSQL store, past the code that is tested. */
export async function countRows(url: string): Promise<number> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 60_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: string }>('select count(*) from samples');
    return Number(rows[0]?.count);
  } finally {
    await client.end();
  }
}
