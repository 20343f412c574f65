import { setTimeout as sleep } from 'node:timers/promises';

import type { Clock, Logger } from '@nephoscope/core';
import type { Sample, SampleQuery, SampleReader, SampleStore } from '@nephoscope/core/sample-store';

import plugin from '../src/index.js';

const log = () => undefined;
const logger: Logger = { debug: log, info: log, warn: log, error: log };

export const realClock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  monotonic: () => process.hrtime.bigint(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  },
};

/** A store, with the path of its file. */
export type StoreAt = SampleStore & { readonly path: string };

/** A store on the file, created as a program does: by the plugin with its options. */
export function storeAt(path: string, clock: Clock = realClock): StoreAt {
  const options = plugin.options.parse({ url: `sqlite:${path}` });
  return Object.assign(plugin.create({ options, logger, clock, host: 'test' }), { path });
}

/** A reader of the file, created in the same way. */
export function readerAt(path: string): SampleReader {
  const options = plugin.options.parse({ url: `sqlite:${path}` });
  return plugin.createReader({ options, logger, clock: realClock, host: 'test' });
}

/** What a separate reader finds in the store's file. */
export async function all({ path }: Pick<StoreAt, 'path'>, query: Partial<SampleQuery> = {}): Promise<Sample[]> {
  const reader = readerAt(path);
  const signal = AbortSignal.timeout(20_000);
  await reader.start(signal);
  try {
    const found: Sample[] = [];
    for await (const sample of reader.samples({ scope: 'all', ...query }, signal)) found.push(sample);
    return found;
  } finally {
    await reader.stop();
  }
}
