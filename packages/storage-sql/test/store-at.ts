import { setTimeout as sleep } from 'node:timers/promises';

import type { Clock, Logger, SampleStore } from '@nephoscope/core';

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

/** A store on the file, made as a program makes it: through the plugin and its options. */
export function storeAt(path: string, clock: Clock = realClock): SampleStore {
  return plugin.create({ options: plugin.options.parse({ url: `sqlite:${path}` }), logger, clock, host: 'test' });
}
