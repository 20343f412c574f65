import type { Sample, SampleFilter, SampleReader } from '@nephoscope/core/sample-store';

/** The latest sample of a series. */
export interface Latest {
  readonly sample: Sample;
  /**
   * The run that a cumulative volume counts from began after this time, ns since 1970 UTC: that of the last sample of the run before. Undefined
   * if no such sample was seen.
   */
  readonly createdAfter: bigint | undefined;
}

/**
 * The latest sample of each series with one in the selection. Memory grows with their number.
 *
 * @throws RangeError if there are more than `most`
 */
export async function latestSamples(
  reader: SampleReader,
  filter: SampleFilter,
  most: number,
  signal: AbortSignal,
): Promise<readonly Latest[]> {
  const found = new Map<string, { readonly sample: Sample; createdAfter: bigint | undefined }>();
  for await (const sample of reader.samples({ ...filter, newestFirst: true }, signal)) {
    const { meter, type, unit, resourceId, projectId, userId, source } = sample;
    const key = JSON.stringify([meter, type, unit, resourceId, projectId, userId, source]);
    const latest = found.get(key);
    if (latest === undefined) {
      if (found.size === most) throw new RangeError(`more than ${most} series`);
      found.set(key, { sample, createdAfter: undefined });
    } else if (latest.createdAfter === undefined && latest.sample.epoch !== sample.epoch) {
      latest.createdAfter = sample.timestamp;
    }
  }
  return [...found.values()];
}
