/**
 * `npm run fuzz [-- options]`: tests everything that reads foreign input with generated inputs. Exits with code 1 at
 * the first failure, with the smallest failing input found, and how to repeat it.
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { corpusOf, fuzz, targets, timeOf } from './run.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    runs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    target: { type: 'string' },
  },
});
const seed = Number(values.seed);
const end = performance.now() + Number(values.minutes) * 60_000;
const most = Number(values.runs);
const chosen = targets.filter(({ name }) => values.target === undefined || values.target === name);
if (chosen.length === 0 || !Number.isSafeInteger(seed) || !(end > 0) || !(most > 0))
  throw new TypeError(
    `--minutes <number> --runs <number of each target> --seed <integer> --target <${targets.map(({ name }) => name).join(', ')}>`,
  );

const counts = new Map(chosen.map(({ name }) => [name, { runs: 0, slowest: 0 }]));
process.stdout.write(`seed ${seed}\n`);
for (const target of chosen) for (const { input } of corpusOf(target)) await timeOf(target, input);
const isLeft = () => Array.from(counts.values()).some(({ runs }) => runs < most);
search: for (let round = 0; performance.now() < end && isLeft(); round += 1) {
  for (const target of chosen) {
    const { runs, slowest, failure } = await fuzz(target, seed + round, target.runs);
    const count = counts.get(target.name) as { runs: number; slowest: number };
    count.runs += runs;
    count.slowest = Math.max(count.slowest, Math.round(slowest));
    if (failure === undefined) continue;
    process.stdout.write(
      `${target.name} failed: ${failure.error}\ninput: ${JSON.stringify(failure.input)}\n` +
        `again: npm run fuzz -- --target ${target.name} --seed ${seed + round}\n`,
    );
    process.exitCode = 1;
    break search;
  }
}
await Promise.all(chosen.map(async (target) => target.stop?.()));
for (const [name, { runs, slowest }] of counts)
  process.stdout.write(`${name}: ${runs} inputs, the slowest took ${slowest} ms\n`);
