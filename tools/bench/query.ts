import { progress } from '../testbed/progress.js';
import { profileOf } from './benchmark.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { writeCollectorConfiguration } from './collector.js';
import { withDirectory } from './hosts.js';
import { runScript, within } from './measured-process.js';
import { rounded } from './statistics.js';
import { withStore } from './stores.js';
import type { MeasuredStore, StoreName } from './stores.js';

/** What measured-query.mjs prints. ms. */
interface Measured {
  readonly instances: number;
  readonly recorded: { readonly samples: number; readonly wall: number; readonly cpu: number };
  readonly rolled: {
    readonly samples: number;
    readonly spans: number;
    readonly turns: number;
    readonly longestTurn: number;
    readonly wall: number;
    readonly cpu: number;
  };
  readonly figures: Readonly<Record<string, Readonly<Record<'withRollups' | 'fromSamples', Times>>>>;
}

interface Times {
  readonly repetitions: number;
  readonly median: number;
  readonly p95: number;
}

/** What figures take with rollups, and the same ones from samples. */
export const query: Benchmark = {
  name: 'query',
  description: 'what figures of a month take with and without rollups, and what these cost',
  onlyNamed: true,
  run: (context) =>
    withDirectory(async (directory) => {
      const results: Record<string, object> = {};
      for (const name of context.stores)
        results[name] = await withStore(name, (store) => {
          const work = measure(name, store, directory, context);
          return progress(`Recording ${context.queried} samples in ${name}, and asking`, work);
        });
      return { samples: context.queried, ...results };
    }),
};

async function measure(
  name: StoreName,
  store: MeasuredStore,
  directory: string,
  context: BenchmarkContext,
): Promise<object> {
  // The broker is not used.
  const configuration = await writeCollectorConfiguration(directory, 'amqp://127.0.0.1', store.url);
  const job = { configuration, samples: context.queried };
  const profile = profileOf(context, `${name}-query`);
  const done = await runScript<Measured>('measured-query.mjs', job, profile, within(context.signal));
  const { recorded, rolled, figures, instances } = done;
  const perSecond = (count: number, wall: number) => Math.round((count * 1_000) / wall);
  return {
    instances,
    recordedPerSecond: perSecond(recorded.samples, recorded.wall),
    rolledUpPerSecond: perSecond(rolled.samples, rolled.wall),
    microsecondsPerSpan: rounded((rolled.wall * 1_000) / rolled.spans),
    shareOfRecordingsTime: rounded(rolled.wall / recorded.wall),
    longestTurn: rounded(rolled.longestTurn),
    spans: rolled.spans,
    mebibytesOnDisk: Math.round((await store.bytes()) / 1024 ** 2),
    milliseconds: Object.fromEntries(
      Object.entries(figures).map(([question, { withRollups, fromSamples }]) => [
        question,
        {
          withRollups: shown(withRollups),
          fromSamples: shown(fromSamples),
          timesAsFast: rounded(fromSamples.median / withRollups.median),
        },
      ]),
    ),
    settings: store.settings,
  };
}

function shown({ repetitions, median, p95 }: Times): object {
  return { repetitions, median: rounded(median), p95: rounded(p95) };
}
