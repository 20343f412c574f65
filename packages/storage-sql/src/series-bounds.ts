/**
 * Maximum number of rows in a `SeriesCache`, plus one, before it is cleared: the series and metadata of 100,000
 * resources, about 30 MB.
 */
export const maxKnown = 200_000;
