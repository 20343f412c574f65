import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { secret } from './agent-configuration.js';
import { outputOf, root, startProgram } from './measured-process.js';
import type { Profile } from './measured-process.js';

/** Writes the configuration of a collector with the defaults and required options only. */
export async function writeCollectorConfiguration(
  directory: string,
  brokerUrl: string,
  storeUrl: string,
): Promise<string> {
  const path = join(directory, 'collector.yaml');
  // JSON is YAML too.
  const configuration = {
    secrets: [secret],
    host: 'controller-1',
    bus: { type: 'amqp', url: brokerUrl },
    storage: { url: storeUrl },
    status: { port: 0 },
  };
  await writeFile(path, JSON.stringify(configuration));
  return path;
}

/** A collector that consumes. */
export interface RunningCollector {
  readonly pid: number;
  readonly output: Readable;
  /** The sums of these metrics at its `/metrics`. */
  metrics<Name extends string>(...names: readonly Name[]): Promise<Readonly<Record<Name, number>>>;
  /** Ends it by SIGTERM. @throws Error with the end of its log when it fails */
  stop(): Promise<void>;
}

const cli = join(root, 'packages', 'collector', 'dist', 'cli.js');
const startTimeout = 60_000;

/**
 * @param nodeOptions in addition to those of its start script
 * @throws Error with the end of its log if it ends or does not consume within a minute
 */
export async function startCollector(
  configuration: string,
  profile: Profile | undefined,
  signal: AbortSignal,
  nodeOptions: readonly string[] = [],
): Promise<RunningCollector> {
  const child = startProgram('collector', [...nodeOptions, cli, '--config', configuration], profile);
  const ended = outputOf(child, signal);
  // Its end is awaited by `stop`, or below if it comes too early.
  ended.catch(() => undefined);
  const running = new Promise<string>((resolve) => {
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      if (!line.includes('is running')) return;
      resolve((JSON.parse(line) as { status: string }).status);
    });
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), startTimeout);
  const tooEarly = ended.then((): never => {
    throw new Error('the collector ended before it was running');
  });
  tooEarly.catch(() => undefined);
  const status = await Promise.race([running, tooEarly]).finally(() => clearTimeout(timer));
  return {
    pid: child.pid as number,
    output: child.stdout as Readable,
    async metrics(...names) {
      const response = await fetch(`${status}/metrics`, { signal });
      const text = await response.text();
      return Object.fromEntries(names.map((name) => [name, sumOf(text, name)])) as Record<
        (typeof names)[number],
        number
      >;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** A metric with labels has no value before its first count. @throws Error if there is no metric of that name */
function sumOf(metrics: string, name: string): number {
  const values = [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
  if (!metrics.includes(`# TYPE ${name} `)) throw new Error(`the collector's metrics have no ${name}`);
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}
