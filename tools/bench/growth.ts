import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { progress } from '../testbed/progress.js';
import { profileOf } from './benchmark.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { writeCollectorConfiguration } from './collector.js';
import { withDirectory } from './hosts.js';
import { capture } from './load.js';
import { runScript, within } from './measured-process.js';
import { cpuOf } from './process-usage.js';
import { rounded } from './statistics.js';
import { withStore } from './stores.js';
import type { MeasuredStore, StoreName } from './stores.js';
import { atLeast } from './target.js';

/** What measured-growth.mjs prints: ms, in `record` alone. */
interface Step {
  readonly rows: number;
  readonly wall: number;
  readonly cpu: number;
}

const steps = 10;
const leastShare = 0.8;
/** Disk space per row while recording, including the store's log; an upper limit. */
const bytesPerRow = 2_048;

/** How fast a store records when it already contains many rows. */
export const growth: Benchmark = {
  name: 'growth',
  description: 'how fast each store records rows, from the first to the last of ten millions',
  onlyNamed: true,
  async run(context) {
    await checkDisk(context.rows);
    return withDirectory(async (directory) => {
      const messages = join(directory, 'messages.json');
      await progress('Reading instances', capture(directory, messages, context.signal));
      const results: Record<string, object> = {};
      for (const name of context.stores) {
        results[name] = await withStore(name, (store) => {
          const work = fill(name, store, directory, messages, context);
          return progress(`Recording ${context.rows} rows in ${name}`, work);
        });
      }
      return { rows: context.rows, ...results };
    });
  },
};

/** @throws Error if the temporary directory has no room for that many rows */
async function checkDisk(rows: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  const gibibytes = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  if (bavail * bsize < rows * bytesPerRow)
    throw new Error(
      `${rows} rows may need ${gibibytes(rows * bytesPerRow)} and ${tmpdir()} has ${gibibytes(bavail * bsize)}: ` +
        'free some, set TMPDIR to a folder with more, or take fewer with --rows',
    );
}

async function fill(
  name: StoreName,
  store: MeasuredStore,
  directory: string,
  messages: string,
  context: BenchmarkContext,
): Promise<object> {
  // The broker is not used.
  const configuration = await writeCollectorConfiguration(directory, 'amqp://127.0.0.1', store.url);
  const job = { configuration, messages, rows: context.rows, step: Math.ceil(context.rows / steps) };
  const before = store.pid === undefined ? 0 : await cpuOf(store.pid);
  const done = await runScript<readonly Step[]>(
    'measured-growth.mjs',
    job,
    profileOf(context, `${name}-growth`),
    within(context.signal),
  );
  const rates = done.map(({ rows, wall }) => Math.round((rows * 1_000) / wall));
  const [first = Number.NaN, last = Number.NaN] = [rates[0], rates.at(-1)];
  const bytes = await store.bytes();
  return {
    rowsPerSecondOfEachTenth: rates,
    cpuPerRowOfEachTenth: done.map(({ rows, cpu }) => rounded((cpu * 1_000) / rows)),
    ...(store.pid !== undefined && {
      serverCpuPerRow: rounded((((await cpuOf(store.pid)) - before) * 1_000) / context.rows),
    }),
    mebibytesOnDisk: Math.round(bytes / 1024 ** 2),
    bytesPerRow: Math.round(bytes / context.rows),
    settings: store.settings,
    targets: [atLeast('rows per second in the last tenth, of those in the first', leastShare, last / first)],
  };
}
