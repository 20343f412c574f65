import type { Health } from './health.js';
import type { Sample } from './sample.js';

/**
 * The samples that may be read: those of one project, or all. Samples without a project are visible only with `all`.
 */
export type Scope = 'all' | { readonly project: string };

/** A value that metadata is compared with; `datetime` in ns since 1970 UTC. */
export type MetadataOperand =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'integer' | 'datetime'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean };

/**
 * A condition on a value of `resource_metadata`. A value is compared with values of its own type: JSON numbers with
 * integers and floats, exactly (`5.0` is 5); texts that are ISO 8601 times with `datetime`; texts by code point;
 * false is before true. If the key is absent, or its value is null, an object, an array or of another type, the
 * condition does not hold, whatever the operator: `ne` matches other values, not missing ones.
 */
export type MetadataCondition = {
  /** The names of nested objects and of the value, joined by dots: `flavor.name`. A name may contain dots itself. */
  readonly key: string;
} & (
  | { readonly operator: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'; readonly operand: MetadataOperand }
  | { readonly operator: 'in'; readonly operands: readonly MetadataOperand[] }
);

/**
 * A selection of samples that satisfy all given conditions. Of several values, one must match; an empty list matches
 * nothing. Null stands for samples without such a value. Times are ns since 1970 UTC, start included, end excluded.
 */
export interface SampleFilter {
  /** Limits the result whatever the other conditions are. */
  readonly scope: Scope;
  readonly meters?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly projects?: readonly (string | null)[] | undefined;
  readonly users?: readonly (string | null)[] | undefined;
  readonly sources?: readonly string[] | undefined;
  /** All of them must hold. */
  readonly metadata?: readonly MetadataCondition[] | undefined;
  /** Found by an index if meters and resources are given too; otherwise a store may have to search. */
  readonly messageId?: string | undefined;
  /**
   * Only samples recorded beside another one of the same event with different figures: their messages have
   * `conflicts_with`.
   */
  readonly conflicting?: true | undefined;
  readonly start?: bigint | undefined;
  readonly end?: bigint | undefined;
}

/** A selection of samples with order and limit. */
export interface SampleQuery extends SampleFilter {
  /**
   * Sorted by time, newest first; by default oldest first. Samples with the same time are in the order of recording,
   * or its reverse.
   */
  readonly newestFirst?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface PageQuery extends SampleQuery {
  readonly limit: number;
  /** The `next` of the previous page of the same query, with the same filter and order. */
  readonly cursor?: string | undefined;
}

export interface SamplePage {
  readonly samples: readonly Sample[];
  /** Leads to the next page, also in another reader of the database; undefined after the last one. */
  readonly next: string | undefined;
}

export interface MeterSummary {
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly resources: number;
  readonly samples: number;
}

/** The times of the first and the last matching sample. */
export interface Span {
  readonly firstTimestamp: bigint;
  readonly lastTimestamp: bigint;
}

/** An owner of a resource, with the times of the first and last sample that name it. */
export interface ResourceOwner extends Span {
  readonly projectId: string | null;
  readonly userId: string | null;
}

/** A meter of a resource; owner and source are those of its latest sample. */
export interface ResourceMeter extends Span {
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly source: string;
}

/** Owner, source and metadata are those of its latest sample. */
export interface ResourceSummary extends Span {
  readonly resourceId: string;
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly source: string;
  /** In the order of their first samples. An owner that returns has one entry. */
  readonly owners: readonly ResourceOwner[];
  /** Sorted by name, type and unit. */
  readonly meters: readonly ResourceMeter[];
  /** `resource_metadata`, as the JSON text that was received. */
  readonly metadata: string;
}

export interface ResourceQuery extends SampleFilter {
  /** Only those with a greater id, by code point: the last one of the previous page. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

export interface ProjectSummary extends Span {
  /** Null for samples without a project. */
  readonly projectId: string | null;
  readonly resources: number;
}

/** What the samples of one meter of one resource from one source have in common, whoever owns it and in whichever run. */
export interface SeriesKey {
  readonly source: string;
  readonly meter: string;
  readonly type: string;
  readonly unit: string | null;
  readonly resourceId: string;
}

/** The samples that figures are made of. */
export interface HistoryQuery extends Pick<
  SampleFilter,
  'scope' | 'meters' | 'resources' | 'projects' | 'users' | 'sources'
> {
  /** ns since 1970 UTC: series without a sample since then may be left out. */
  readonly since: bigint;
  /** ns since 1970 UTC: what is before it is only needed to know where a series stands then. */
  readonly start: bigint;
  /** ns since 1970 UTC: of each series everything up to its first sample at or after this is given. */
  readonly end: bigint;
  /**
   * Whether a rolled-up span may stand for the samples of this time (ns, end excluded), of which two in succession are up to
   * `widest` ns apart. Otherwise they are given in shorter spans or one by one.
   */
  fits(start: bigint, end: bigint, widest: bigint): boolean;
}

/** Samples that a store has rolled up. */
export interface RolledSpan {
  readonly series: SeriesKey;
  /** `SpanState`s of @nephoscope/statistics, in the order of time. */
  readonly states: readonly unknown[];
  /** What a group that the state names stands for; `metadata` is the JSON text, null where there was none. */
  groupOf(name: string): {
    readonly projectId: string | null;
    readonly userId: string | null;
    readonly metadata: string | null;
  };
}

/** Of so many resources, of so many, everything was given: nothing more follows of any series so far. */
export interface HistoryProgress {
  readonly done: number;
  readonly of: number;
}

/** What will be read, before anything is: series, and of how many different meters and projects. A meter of two sources counts as two. */
export interface HistorySize {
  readonly found: { readonly series: number; readonly meters: number; readonly projects: number };
}

/** The size first. */
export type HistoryPart = HistorySize | Sample | RolledSpan | HistoryProgress;

/**
 * Reads what a {@link SampleStore} has recorded, on connections of its own. It changes nothing, and neither blocks
 * recording nor waits for it. `start` undoes itself if it fails; `stop` is safe before `start`, twice and
 * concurrently. Several readers may read one database.
 *
 * Each call has a signal: when it is aborted, the call rejects with the signal's reason and stops using the database.
 * If the database becomes unavailable, calls fail with STORE_UNAVAILABLE; once it is back, the next one succeeds.
 */
export interface SampleReader {
  /**
   * Creates and migrates nothing.
   *
   * @throws STORE_MISSING if nothing was recorded yet, STORE_SCHEMA_OLDER and STORE_SCHEMA_NEWER for a database of
   *   another version, STORE_UNAVAILABLE; PermanentError if a retry does not help
   */
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Matching samples as a stream whose memory does not grow with its length. Samples recorded after the first one was
   * requested are not part of it. Samples removed meanwhile may be missing.
   *
   * @throws STORE_UNAVAILABLE
   */
  samples(query: SampleQuery, signal: AbortSignal): AsyncIterable<Sample>;
  /**
   * A part of the matching samples. The pages reached by cursors form one stream that began with the first page:
   * samples recorded meanwhile, whatever their time, change none of them.
   *
   * @throws CURSOR_INVALID for a cursor of another query, or an invalid one; STORE_UNAVAILABLE
   */
  samplePage(query: PageQuery, signal: AbortSignal): Promise<SamplePage>;
  /** Sorted by name, type and unit. @throws STORE_UNAVAILABLE */
  meters(filter: SampleFilter, signal: AbortSignal): Promise<readonly MeterSummary[]>;
  /**
   * Sorted by id, as a stream of what existed when it began.
   *
   * @throws STORE_UNAVAILABLE
   */
  resources(query: ResourceQuery, signal: AbortSignal): AsyncIterable<ResourceSummary>;
  /**
   * The series that had a matching sample at any time, each with the samples of all its owners: of each the parts in the order of time,
   * spans where they are rolled up and fit, samples elsewhere; series may be mixed. Left out by stores that roll nothing up.
   *
   * @throws SAMPLES_REMOVED where only a part of a span is asked for, and its samples are no longer there; STORE_UNAVAILABLE
   */
  histories?(query: HistoryQuery, signal: AbortSignal): AsyncIterable<HistoryPart>;
  /** Sorted by id, samples without a project first. @throws STORE_UNAVAILABLE */
  projects(filter: SampleFilter, signal: AbortSignal): Promise<readonly ProjectSummary[]>;
  health(): Health;
}
