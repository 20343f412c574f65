export { defineSampleStore } from '../plugin.js';
export type { SampleStorePlugin } from '../plugin.js';
export type { Sample } from '../sample.js';
export type { MeterSummary, ResourceSummary, SampleFilter, SampleQuery, SampleReader } from '../sample-reader.js';
export type { RecordResult, RecordedTimes, SampleStore } from '../sample-store.js';
