/**
 * `npm run bench [-- benchmark…]`: measures what operators would run, against private services, and prints one JSON
 * document on stdout. Targets are reported, not asserted: the exit code is 0 when everything was measured.
 */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

import { ensurePackages, testPackages } from '../testbed/debian.js';
import { progress } from '../testbed/progress.js';
import { stages } from './benchmark.js';
import type { Benchmark } from './benchmark.js';
import { busy } from './busy.js';
import { cycle } from './cycle.js';
import { exporting } from './export.js';
import { growth } from './growth.js';
import { hostile } from './hostile.js';
import { ingest } from './ingest.js';
import { describeMachine } from './machine.js';
import { root } from './measured-process.js';
import { memory } from './memory.js';
import { query } from './query.js';
import { resources } from './resources.js';
import { rest } from './rest.js';
import { soak } from './soak.js';
import { storeNames } from './stores.js';

const benchmarks: readonly Benchmark[] = [
  cycle,
  memory,
  ingest,
  growth,
  resources,
  rest,
  busy,
  hostile,
  query,
  exporting,
  soak,
];

const measured = [
  '@nephoscope/agent-compute',
  '@nephoscope/agent-central',
  '@nephoscope/collector',
  '@nephoscope/api',
];

const usage = `npm run bench [-- [options] benchmark…]

Measures, and prints one JSON document on stdout; progress goes to stderr.
${benchmarks.map(({ name, description }) => `  ${name.padEnd(9)} ${description}`).join('\n')}
Without a name all but: ${benchmarks.filter(({ onlyNamed }) => onlyNamed).map(({ name }) => name)}

Options:
  --profile <directory>  writes CPU profiles (.cpuprofile) of the measured processes there
  --store <name>         ingest, growth, query, resources: only with this store (${storeNames.join(', ')})
  --stage <name>         ingest: only this part of it (${stages.join(', ')})
  --samples <number>     ingest: how many samples are sent (1000000)
  --queried <number>     query: how many samples are recorded (10000000)
  --rows <number>        growth, export: how many rows are recorded (10000000)
  --resources <number>   resources: how many are metered (100000)
  --messages <number>    hostile: how many are sent (60000)
  --intervals <seconds>  rest: of the compute agent (10,60,600)
  --cycles <number>      rest, busy: how many cycles are watched (3)
  --minutes <number>     soak: how long it is watched, at least 4 (30)
  --help
`;

async function main(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean' },
      profile: { type: 'string' },
      store: { type: 'string' },
      stage: { type: 'string' },
      samples: { type: 'string', default: '1000000' },
      queried: { type: 'string', default: '10000000' },
      rows: { type: 'string', default: '10000000' },
      resources: { type: 'string', default: '100000' },
      messages: { type: 'string', default: '60000' },
      intervals: { type: 'string', default: '10,60,600' },
      cycles: { type: 'string', default: '3' },
      minutes: { type: 'string', default: '30' },
    },
  });
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown.length > 0) throw new TypeError(`there is no benchmark '${unknown.join("', '")}'`);
  const chosen = benchmarks.filter(({ name, onlyNamed }) =>
    positionals.length === 0 ? onlyNamed !== true : positionals.includes(name),
  );
  const profiles = values.profile === undefined ? undefined : resolve(values.profile);
  if (profiles !== undefined) await mkdir(profiles, { recursive: true });

  await ensurePackages(testPackages);
  await progress('Building the packages', build(signal));
  const results: Record<string, unknown> = {};
  const context = {
    profiles,
    stores: oneOrAll('store', values.store, storeNames),
    stages: oneOrAll('stage', values.stage, stages),
    samples: positive('samples', values.samples),
    queried: positive('queried', values.queried),
    rows: positive('rows', values.rows),
    resources: positive('resources', values.resources),
    messages: positive('messages', values.messages),
    intervals: values.intervals.split(',').map((interval) => positive('intervals', interval)),
    cycles: positive('cycles', values.cycles),
    minutes: positive('minutes', values.minutes, 4),
    signal,
  };
  for (const benchmark of chosen) results[benchmark.name] = await benchmark.run(context);
  process.stdout.write(`${JSON.stringify({ machine: await describeMachine(), ...results }, null, 2)}\n`);
}

function oneOrAll<Name extends string>(
  option: string,
  given: string | undefined,
  names: readonly Name[],
): readonly Name[] {
  const chosen = names.filter((name) => given === undefined || name === given);
  if (chosen.length === 0) throw new TypeError(`--${option}: ${names.join(' or ')}`);
  return chosen;
}

function positive(option: string, given: string, least = 1): number {
  if (!/^[1-9]\d{0,11}$/.test(given) || Number(given) < least)
    throw new TypeError(`--${option}: a number from ${least} on`);
  return Number(given);
}

/** Measures the published packages (agents, collector and their dependencies), without type declarations. */
async function build(signal: AbortSignal): Promise<void> {
  await promisify(execFile)(
    join(root, 'node_modules', '.bin', 'nx'),
    ['run-many', '--target', 'build', '--projects', measured.join(','), '--outputStyle', 'static'],
    {
      cwd: root,
      env: { ...process.env, BUILD_TYPES: 'no' },
      maxBuffer: 64 * 1024 * 1024,
      signal,
      timeout: 300_000,
    },
  ).catch((error: Error & { readonly stdout?: string }) => {
    throw new Error(`the packages cannot be built:\n${error.stdout ?? ''}`, { cause: error });
  });
}

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
}

try {
  await main(process.argv.slice(2), interruption.signal);
} catch (error) {
  const reason = interruption.signal.aborted ? (interruption.signal.reason as Error) : (error as Error);
  process.stderr.write(
    `${reason instanceof TypeError ? `${reason.message}\n\n${usage}` : (reason.stack ?? reason.message)}\n`,
  );
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
