import { conflictsWith } from '@nephoscope/collector';
import type { Sample, SampleFilter, SampleQuery, SampleReader } from '@nephoscope/core/sample-store';
import { compareDecimals } from '@nephoscope/message';

/** A recorded sample of one event, or of one reading of it. */
export interface Figure {
  readonly sample: Sample;
  readonly recorded: 'first' | 'beside' | 'read by a central agent';
  /** By the rule of the collector, `conflictRule`. */
  readonly counts: boolean;
}

/** An event that was announced with different figures. */
export interface Conflict {
  /** The message id of the sample recorded first, which may have been removed since. */
  readonly id: string;
  readonly figures: readonly Figure[];
}

const day = 86_400_000_000_000n;
const centralPrefix = 'central.';

/** The newest conflicts among samples that match the query and were recorded in addition to another one. */
export async function* conflicts(
  reader: SampleReader,
  query: SampleQuery,
  signal: AbortSignal,
): AsyncGenerator<Conflict> {
  const byFirst = new Map<string, Sample[]>();
  for await (const sample of reader.samples({ ...query, conflicting: true, newestFirst: true }, signal)) {
    const id = conflictsWith(sample);
    if (id === undefined) continue;
    const others = byFirst.get(id);
    if (others === undefined) byFirst.set(id, [sample]);
    else others.push(sample);
  }
  for (const [id, beside] of byFirst) yield { id, figures: await figuresOf(reader, id, beside, signal) };
}

async function figuresOf(
  reader: SampleReader,
  id: string,
  beside: readonly Sample[],
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const [some] = beside as readonly [Sample];
  const { meter, resourceId, timestamp } = some;
  const event: SampleFilter = { scope: 'all', meters: [meter], resources: [resourceId] };
  const first: Sample[] = [];
  for await (const sample of reader.samples({ ...event, messageId: id }, signal)) first.push(sample);
  const within = { ...event, start: timestamp, end: timestamp + day };
  const reading = await centralReading(reader, within, signal);
  const announced = [...first, ...beside];
  const counting = reading === undefined ? largestOfEach(announced) : new Set([reading]);
  const figure = (recorded: Figure['recorded']) => (sample: Sample) => {
    return { sample, recorded, counts: counting.has(sample) };
  };
  return [
    ...first.map(figure('first')),
    ...beside.map(figure('beside')),
    ...(reading === undefined ? [] : [reading]).map(figure('read by a central agent')),
  ];
}

async function centralReading(
  reader: SampleReader,
  filter: SampleFilter,
  signal: AbortSignal,
): Promise<Sample | undefined> {
  for await (const sample of reader.samples(filter, signal))
    if (sample.publisherId?.startsWith(centralPrefix) === true) return sample;
  return undefined;
}

/** For each project; of equal ones the first. */
function largestOfEach(samples: readonly Sample[]): ReadonlySet<Sample> {
  const largest = new Map<string | null, Sample>();
  for (const sample of samples) {
    const before = largest.get(sample.projectId);
    if (before === undefined || compareDecimals(sample.volume, before.volume) > 0)
      largest.set(sample.projectId, sample);
  }
  return new Set(largest.values());
}
