export { defineSampleStore } from '../plugin.js';
export type { SampleStorePlugin } from '../plugin.js';
export type { Sample } from '../sample.js';
export type {
  HistoryPart,
  HistoryQuery,
  HistorySize,
  MetadataCondition,
  MetadataOperand,
  MeterSummary,
  PageQuery,
  ProjectSummary,
  ResourceQuery,
  ResourceSummary,
  RolledSpan,
  SampleFilter,
  SamplePage,
  SampleQuery,
  SampleReader,
  Scope,
  SeriesKey,
} from '../sample-reader.js';
export type {
  RecordResult,
  RecordedTimes,
  RollupCheck,
  Rollups,
  RollupTurn,
  SampleStore,
} from '../sample-store.js';
