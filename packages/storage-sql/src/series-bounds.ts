/**
 * How many rows a `SeriesCache` knows, one more at the most, before it forgets all of them: the series and the metadata
 * of 100,000 resources, some 30 MB.
 */
export const maxKnown = 200_000;
