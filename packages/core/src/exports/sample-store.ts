export { defineSampleStore } from '../plugin.js';
export type { SampleStorePlugin } from '../plugin.js';
export type { Sample } from '../sample.js';
export type {
  MetadataCondition,
  MetadataOperand,
  MeterSummary,
  PageQuery,
  ProjectSummary,
  ResourceQuery,
  ResourceSummary,
  SampleFilter,
  SamplePage,
  SampleQuery,
  SampleReader,
  Scope,
} from '../sample-reader.js';
export type { RecordResult, RecordedTimes, SampleStore } from '../sample-store.js';
