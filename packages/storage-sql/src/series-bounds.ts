/** How many a `SeriesCache` remembers before it forgets all of them. */
export const maxSeries = 100_000;
export const maxMetadata = 20_000;
