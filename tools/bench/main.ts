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
import type { Benchmark } from './benchmark.js';
import { cycle } from './cycle.js';
import { describeMachine } from './machine.js';
import { root } from './measured-process.js';
import { memory } from './memory.js';

const benchmarks: readonly Benchmark[] = [cycle, memory];

const usage = `npm run bench [-- [options] benchmark…]

Measures, and prints one JSON document on stdout; progress goes to stderr. Without a name all of:
${benchmarks.map(({ name, description }) => `  ${name.padEnd(8)} ${description}`).join('\n')}

Options:
  --profile <directory>  writes CPU profiles (.cpuprofile) of the measured processes there
  --help
`;

async function main(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { help: { type: 'boolean' }, profile: { type: 'string' } },
  });
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown.length > 0) throw new TypeError(`there is no benchmark '${unknown.join("', '")}'`);
  const chosen = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const profiles = values.profile === undefined ? undefined : resolve(values.profile);
  if (profiles !== undefined) await mkdir(profiles, { recursive: true });

  await ensurePackages(testPackages);
  await progress('Building the packages', build(signal));
  const results: Record<string, unknown> = {};
  for (const benchmark of chosen) results[benchmark.name] = await benchmark.run({ profiles, signal });
  process.stdout.write(`${JSON.stringify({ machine: await describeMachine(), ...results }, null, 2)}\n`);
}

/** What is measured is what is published (the agent and all that it depends on), without type declarations. */
async function build(signal: AbortSignal): Promise<void> {
  await promisify(execFile)(
    join(root, 'node_modules', '.bin', 'nx'),
    ['build', '@nephoscope/agent-compute', '--outputStyle', 'static'],
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
