/**
 * `npm run test:chaos [-- options]`: agents, a load generator, RabbitMQ, two collectors and a store under random
 * faults; afterwards every accepted sample must be in the store once. The exit code is 0 if that is so with each
 * store, and enough has happened to show it.
 */
import { randomInt } from 'node:crypto';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { duration as durationOption } from '@nephoscope/core/options';

import { ensurePackages, testPackages } from '../testbed/debian.js';
import { run } from '../testbed/processes.js';
import { progress } from '../testbed/progress.js';
import { enterArena, root } from './enter-arena.js';
import { formatReport } from './report.js';
import type { Report } from './report.js';

const stores = ['postgresql', 'sqlite'] as const;

const usage = `npm run test:chaos [-- options]

Options:
  --seed <number>               replays its sequence of faults (0 to 4294967295; printed by each run)
  --store <postgresql|sqlite>   by default both, one after the other
  --duration <time>             for how long faults begin, as 120s (default) or 10m
  --logs <directory>            keeps the programs' logs there, in a folder for each store
  --json                        prints the reports as one JSON array, for other programs
  --built                       tests what was built before
  --systematic                  instead, faults at every single step: prints how many there were and what was wrong
  --help
`;

interface Options {
  readonly seed: number;
  readonly stores: readonly (typeof stores)[number][];
  readonly duration: number;
  readonly logs: string | undefined;
  readonly json: boolean;
  readonly built: boolean;
  readonly systematic: boolean;
}

/** @returns undefined if only help was requested @throws TypeError with the mistake */
function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      store: { type: 'string' },
      duration: { type: 'string', default: '120s' },
      logs: { type: 'string' },
      json: { type: 'boolean', default: false },
      built: { type: 'boolean', default: false },
      systematic: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  if (!/^\d+$/.test(values.seed ?? '0') || seed >= 2 ** 32) throw new TypeError(`'${values.seed}' is not a seed`);
  const chosen = stores.filter((store) => values.store === undefined || values.store === store);
  if (chosen.length === 0) throw new TypeError(`there is no store '${values.store}'`);
  const duration = durationOption().safeParse(values.duration);
  if (!duration.success) throw new TypeError(`'${values.duration}' is not a time: write it as 120s or 10m`);
  const logs = values.logs === undefined ? undefined : resolve(values.logs);
  return {
    seed,
    stores: chosen,
    duration: duration.data,
    logs,
    json: values.json,
    built: values.built,
    systematic: values.systematic,
  };
}

async function main(options: Options, signal: AbortSignal): Promise<boolean> {
  await ensurePackages(testPackages);
  if (!options.built) await progress('Building the packages', build());
  if (options.systematic) {
    const { sweepAll } = await import('./systematic/whole.js');
    return sweepAll(signal);
  }
  process.stderr.write(`seed ${options.seed}\n`);
  const reports: Report[] = [];
  for (const store of options.stores) {
    process.stderr.write(`${store}:\n`);
    const logs = options.logs === undefined ? undefined : resolve(options.logs, store);
    const { seed, duration } = options;
    const report = await enterArena({ seed, store, duration, logs }, signal);
    reports.push(report);
    if (!options.json) process.stdout.write(formatReport(report));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`);
  return reports.every(({ problems }) => problems.length === 0);
}

/** The published form is tested, without type declarations. */
async function build(): Promise<void> {
  const args = ['run-many', '--target', 'build', '--outputStyle', 'static'];
  const env = { ...process.env, BUILD_TYPES: 'no' };
  await run(join(root, 'node_modules', '.bin', 'nx'), args, { deadline: 300_000, env });
}

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
}
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) interruption.abort(new Error('interrupted: who started this has ended'));
}, 1_000).unref();

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(usage);
  else if (!(await main(options, interruption.signal))) process.exitCode = 1;
} catch (error) {
  const { message, stack } = error as Error;
  const text = interruption.signal.aborted
    ? message
    : error instanceof TypeError
      ? `${message}\n\n${usage}`
      : stack;
  process.stderr.write(`${text}\n`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
