import { setTimeout as sleep } from 'node:timers/promises';

import { profileOf } from './benchmark.js';
import type { BenchmarkContext } from './benchmark.js';
import { startCollector, writeCollectorConfiguration } from './collector.js';
import type { RunningCollector } from './collector.js';
import { withDirectory } from './hosts.js';
import type { Load } from './load.js';
import { runScript, within } from './measured-process.js';
import { cpuOf, memoryOf } from './process-usage.js';
import { perSample, rounded } from './statistics.js';
import type { MeasuredStore, StoreName } from './stores.js';

export interface Chain {
  readonly samples: number;
  /** Sent, but not in the store. */
  readonly lost: number;
  /** In the store, in excess of those sent. */
  readonly surplus: number;
  /** Offered to the store again, without effect. */
  readonly duplicates: number;
  readonly seconds: number;
  /** From the first publish to the last commit. */
  readonly samplesPerSecond: number;
  /** Without the first and the last fifth of the samples. */
  readonly sustainedPerSecond: number;
  readonly bytesPerSample: number;
  /** Share of the publisher's checks that found the queue empty, so that the collector waited for it. */
  readonly emptyShare: number;
  /** µs. */
  readonly cpuPerSample: Readonly<Record<string, number>>;
  readonly collectorMemory: { readonly peakMiB: number; readonly eachSecondMiB: readonly number[] };
  readonly store: { readonly bytesPerSample: number; readonly settings: Readonly<Record<string, string>> };
}

/** What measured-publisher.mjs prints; times in ms since 1970. */
interface Published {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
  readonly cpu: number;
  readonly emptyShare: number;
}

interface Seen {
  /** ms since 1970 */
  readonly time: number;
  readonly recorded: number;
  readonly residentMiB: number;
}

/** Maximum queue length: more than the collector consumes between two checks of the publisher. */
const ready = 200;
const lookEvery = 1_000;
// So that the end is noticed when the publisher has finished.
const lookAtTheEndEvery = 20;
const recorded = 'nephoscope_collector_samples_recorded_total';
const duplicate = 'nephoscope_collector_samples_duplicate_total';
const refused = 'nephoscope_collector_samples_refused_total';
/** After this long without a recorded sample the run has ended, ms. */
const timeLimit = 30_000;

/** Sends all samples through the chain as fast as it accepts them. */
export function measureChain(
  name: StoreName,
  store: MeasuredStore,
  load: Load,
  context: BenchmarkContext,
): Promise<Chain> {
  return withDirectory(async (directory) => {
    const { broker } = load;
    const configuration = await writeCollectorConfiguration(directory, broker.url, store.url);
    const signal = within(context.signal);
    const collector = await startCollector(configuration, profileOf(context, `${name}-collector`), signal);
    let seen: readonly Seen[];
    let published: Published;
    let cpu: Record<string, number>;
    let duplicates: number;
    let peakMiB: number;
    try {
      const pids = {
        RabbitMQ: await broker.pid(),
        collector: collector.pid,
        ...(store.pid !== undefined && { [name]: store.pid }),
      };
      const before = await cpuOfEach(pids);
      const { messages, configuration: ofPublisher } = load;
      const job = { configuration: ofPublisher, messages, samples: context.samples, url: broker.url, ready };
      const profile = profileOf(context, `${name}-publisher`);
      const publishing = runScript<Published>('measured-publisher.mjs', job, profile, signal);
      [published, seen] = await Promise.all([publishing, watch(collector, publishing, context.samples, signal)]);
      const after = await cpuOfEach(pids);
      cpu = { publisher: published.cpu };
      for (const part of Object.keys(pids)) cpu[part] = (after[part] ?? 0) - (before[part] ?? 0);
      duplicates = (await collector.metrics(duplicate))[duplicate];
      peakMiB = (await memoryOf(collector.pid)).VmHWM;
    } finally {
      await collector.stop();
    }
    const stored = await runScript<Record<string, number>>(
      'stored-samples.mjs',
      { configuration },
      undefined,
      signal,
    );
    const { samples } = context;
    const missing = samples - Object.values(stored).reduce((sum, count) => sum + count, 0);
    const seconds = ((seen.at(-1)?.time ?? Number.NaN) - published.first) / 1_000;
    return {
      samples,
      lost: Math.max(0, missing),
      surplus: Math.max(0, -missing),
      duplicates,
      seconds: rounded(seconds),
      samplesPerSecond: Math.round(samples / seconds),
      sustainedPerSecond: Math.round(sustained(seen, samples)),
      bytesPerSample: Math.round(published.bytes / samples),
      emptyShare: rounded(published.emptyShare),
      cpuPerSample: perSample(cpu, samples),
      collectorMemory: { peakMiB, eachSecondMiB: seen.map(({ residentMiB }) => residentMiB) },
      store: { bytesPerSample: Math.round((await store.bytes()) / samples), settings: store.settings },
    };
  });
}

async function cpuOfEach(pids: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const entries = Object.entries(pids).map(async ([part, pid]) => [part, await cpuOf(pid)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Polls the collector until it has recorded all samples; the last poll is at the last commit. */
async function watch(
  collector: RunningCollector,
  publishing: Promise<Published>,
  samples: number,
  signal: AbortSignal,
): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  let end = false;
  const over = publishing.then(() => void (end = true));
  // The caller handles the error.
  over.catch(() => undefined);
  for (;;) {
    const { [recorded]: count, [refused]: bad } = await collector.metrics(recorded, refused);
    const time = Date.now();
    const last = seen.at(-1);
    if (bad > 0) throw new Error(`the collector refused ${bad} samples: see its dead letters`);
    if (last === undefined || count >= samples || time - last.time >= lookEvery)
      seen.push({ time, recorded: count, residentMiB: (await memoryOf(collector.pid)).VmRSS });
    if (count >= samples) return seen;
    const stuckSince = seen.find((one) => one.recorded === count)?.time ?? time;
    if (end && time - stuckSince > timeLimit) return seen;
    if (end) await sleep(lookAtTheEndEvery, undefined, { signal });
    else await Promise.race([sleep(lookEvery, undefined, { signal }), over]);
  }
}

/** Samples per second between a fifth and four fifths of them, interpolated between two checks. */
function sustained(seen: readonly Seen[], samples: number): number {
  const timeOf = (count: number) => {
    const next = seen.findIndex((one) => one.recorded >= count);
    const [before, after] = [seen[next - 1], seen[next]];
    if (before === undefined || after === undefined) return Number.NaN;
    const share = (count - before.recorded) / (after.recorded - before.recorded);
    return before.time + share * (after.time - before.time);
  };
  return (0.6 * samples * 1_000) / (timeOf(0.8 * samples) - timeOf(0.2 * samples));
}
