export { defineSampleStore } from '../plugin.js';
export type { Sample } from '../sample.js';
export type {
  MeterSummary,
  RecordResult,
  ResourceSummary,
  SampleFilter,
  SampleStore,
  StoreOpening,
} from '../sample-store.js';
