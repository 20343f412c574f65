import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

import { progress } from '../testbed/progress.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { writeCollectorConfiguration } from './collector.js';
import { withDirectory } from './hosts.js';
import { capture } from './load.js';
import { root, runScript, startProgram, within } from './measured-process.js';
import { cpuOf, memoryOf } from './process-usage.js';
import { rounded } from './statistics.js';
import { withStore } from './stores.js';
import { atLeast, below } from './target.js';

/** What measured-reading.mjs prints: ms. */
interface Reading {
  readonly rows: number;
  readonly wall: number;
  readonly cpu: number;
}

const forms = {
  csv: { accept: 'text/csv', 'accept-encoding': 'identity' },
  'csv, gzip': { accept: 'text/csv', 'accept-encoding': 'gzip' },
  ndjson: { accept: 'application/x-ndjson', 'accept-encoding': 'identity' },
} as const;

/** Every sample of a store, as a file from the HTTP API. */
export const exporting: Benchmark = {
  name: 'export',
  description: 'how fast the HTTP API exports every sample, and in how much memory',
  onlyNamed: true,
  run: (context) =>
    withDirectory(async (directory) => {
      const messages = join(directory, 'messages.json');
      await progress('Reading instances', capture(directory, messages, context.signal));
      const results: Record<string, object> = {};
      for (const name of context.stores)
        results[name] = await withStore(name, async ({ url }) => {
          const configuration = await writeCollectorConfiguration(directory, 'amqp://127.0.0.1', url);
          const job = { configuration, messages, rows: context.rows, step: context.rows };
          const filled = runScript('measured-growth.mjs', job, undefined, within(context.signal));
          await progress(`Recording ${context.rows} rows in ${name}`, filled);
          // What no export can be faster than.
          const reading = await runScript<Reading>('measured-reading.mjs', job, undefined, within(context.signal));
          return { reading: ratesOf(reading), ...(await exportsOf(directory, url, context)) };
        });
      return { rows: context.rows, ...results };
    }),
};

async function exportsOf(directory: string, url: string, { signal, profiles }: BenchmarkContext): Promise<object> {
  const path = join(directory, 'api.yaml');
  await writeFile(
    path,
    JSON.stringify({ storage: { url }, bus: { url: 'amqp://127.0.0.1' }, api: { port: 0 }, status: { port: 0 } }),
  );
  const profile = profiles === undefined ? undefined : { directory: profiles };
  const api = startProgram('api', [join(root, 'packages/api/dist/cli.js'), '--config', path], profile);
  const pid = api.pid as number;
  try {
    const address = await addressOf(api.stderr);
    const results: Record<string, object> = {};
    for (const [name, headers] of Object.entries(forms)) {
      const [cpu, start] = [await cpuOf(pid), performance.now()];
      const response = await fetch(`${address}/v3/samples?order=oldest`, { headers, signal });
      const { bytes, tail } = await drained(response);
      const rows = Number(/count"?[=:](\d+)/.exec(tail)?.[1]);
      if (!Number.isSafeInteger(rows)) throw new Error(`the export was cut: ${tail}`);
      const wall = performance.now() - start;
      const rates = ratesOf({ rows, wall, cpu: (await cpuOf(pid)) - cpu });
      results[name] = { ...rates, mebibytes: rounded(bytes / 2 ** 20) };
    }
    const { VmHWM: memory } = await memoryOf(pid);
    const { rowsPerSecond } = results['csv'] as ReturnType<typeof ratesOf>;
    return {
      ...results,
      targets: [
        atLeast('rows/s as CSV', 100_000, rowsPerSecond),
        below('highest memory of the API, MiB', 150, memory),
      ],
    };
  } finally {
    const ended = once(api, 'exit');
    api.kill('SIGTERM');
    await ended;
  }
}

async function addressOf(log: NodeJS.ReadableStream | null): Promise<string> {
  if (log === null) throw new TypeError('the log is in a pipe');
  for await (const line of createInterface({ input: log })) {
    const url = /"url":"(http[^"]*)"/.exec(line)?.[1];
    if (url === undefined) continue;
    log.resume();
    return url;
  }
  throw new Error('the API ended before it answered');
}

async function drained(response: Response): Promise<{ readonly bytes: number; readonly tail: string }> {
  if (!response.ok || response.body === null) throw new Error(`the API answered ${response.status}`);
  let bytes = 0;
  let tail = Buffer.alloc(0);
  for await (const part of response.body) {
    bytes += part.length;
    tail = Buffer.concat([tail, part]).subarray(-200);
  }
  return { bytes, tail: tail.toString() };
}

function ratesOf({ rows, wall, cpu }: Reading) {
  return {
    rowsPerSecond: Math.round((rows * 1_000) / wall),
    cpuMicrosecondsPerRow: rounded((cpu * 1_000) / rows),
  };
}
