/*
 * Compares what our compute agent and a real Ceilometer say of the same guests.
 *
 *     npx tsx tools/interop/compare.ts /var/lib/nephoscope/samples.db
 *
 * The database is that of a collector that has recorded both for some intervals: the Ceilometer's polling agents on the
 * bus that our agent is on, with the same secret. Built packages are not needed. Prints JSON: for each meter that both
 * have, how many of our samples match theirs, and the first that do not; then the meters that only one of them has.
 * Exits with code 1 when anything differs.
 *
 * A cumulative sample of ours matches when it is between theirs before and after it, another when it equals one of
 * these two or is between them; type, unit and resource id must be the same. One that theirs do not enclose is left out.
 */
import type { Sample } from '@nephoscope/core/sample-store';
import { systemClock } from '@nephoscope/runtime';
import sql from '@nephoscope/storage-sql';

interface Comparison {
  compared: number;
  matched: number;
  readonly differing: unknown[];
}

const shown = 5;
const database = process.argv[2];
if (database === undefined) throw new Error('say which database: tsx tools/interop/compare.ts samples.db');

const quiet = () => undefined;
const reader = sql.createReader({
  options: sql.options.parse({ url: `sqlite:${database}` }),
  clock: systemClock,
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  host: 'compare',
});
await reader.start(AbortSignal.timeout(30_000));

// Ours say who published them, Ceilometer's do not. By meter and resource, oldest first.
const ours = new Map<string, Map<string, Sample[]>>();
const theirs = new Map<string, Map<string, Sample[]>>();
for await (const sample of reader.samples({ scope: 'all' }, new AbortController().signal)) {
  if (sample.publisherId !== null && !sample.publisherId.startsWith('compute.')) continue;
  const meters = sample.publisherId === null ? theirs : ours;
  const resources = meters.get(sample.meter) ?? new Map<string, Sample[]>();
  meters.set(sample.meter, resources);
  resources.set(sample.resourceId, [...(resources.get(sample.resourceId) ?? []), sample]);
}
await reader.stop();

const both: Record<string, Comparison> = {};
for (const [meter, resources] of [...ours].sort()) {
  const others = theirs.get(meter);
  if (others !== undefined) both[meter] = compare(resources, others);
}
const only = (one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>) =>
  [...one.keys()].filter((meter) => !other.has(meter)).sort();
const report = { both, onlyOurs: only(ours, theirs), onlyTheirs: only(theirs, ours) };
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
process.exitCode = Object.values(both).some(({ differing }) => differing.length > 0) ? 1 : 0;

function compare(
  resources: ReadonlyMap<string, readonly Sample[]>,
  others: ReadonlyMap<string, readonly Sample[]>,
): Comparison {
  const comparison: Comparison = { compared: 0, matched: 0, differing: [] };
  const differ = (difference: unknown) => {
    if (comparison.differing.length < shown) comparison.differing.push(difference);
  };
  for (const [resourceId, samples] of resources) {
    const known = others.get(resourceId);
    if (known === undefined) {
      differ({ resourceId, theirs: [...others.keys()].slice(0, shown) });
      continue;
    }
    for (const sample of samples) {
      const before = known.findLast(({ timestamp }) => timestamp <= sample.timestamp);
      const after = known.find(({ timestamp }) => timestamp >= sample.timestamp);
      if (before === undefined || after === undefined) continue;
      comparison.compared += 1;
      if (matches(sample, before, after)) comparison.matched += 1;
      else differ({ ours: figures(sample), theirs: [figures(before), figures(after)] });
    }
  }
  for (const resourceId of others.keys()) {
    if (!resources.has(resourceId)) differ({ onlyTheirs: resourceId });
  }
  return comparison;
}

function matches(sample: Sample, before: Sample, after: Sample): boolean {
  const [lower, upper] = [Number(before.volume), Number(after.volume)].sort((a, b) => a - b) as [number, number];
  const value = Number(sample.volume);
  return sample.unit === before.unit && sample.type === before.type && lower <= value && value <= upper;
}

function figures({ resourceId, type, unit, volume, timestamp }: Sample): unknown {
  return { resourceId, type, unit, volume, at: new Date(Number(timestamp / 1_000_000n)).toISOString() };
}
