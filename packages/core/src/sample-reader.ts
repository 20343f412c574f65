import type { Health } from './inspector.js';
import type { Sample } from './sample.js';

/** Whose samples may be seen: those of one project, or all. Samples without a project are seen in `all` alone. */
export type Scope = 'all' | { readonly project: string };

/** A value that metadata is compared with; `datetime` in ns since 1970 UTC. */
export type MetadataOperand =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'integer' | 'datetime'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean };

/**
 * What a value of `resource_metadata` must be. A value is compared with values of its own type: JSON numbers with integers and
 * floats, exactly (`5.0` is 5); texts that are ISO 8601 times with `datetime`; texts by code point; false is before true.
 * Where the key is absent, or its value is null, an object, an array or of another type, the condition does not hold,
 * whatever the operator: `ne` finds those that have another value, not those that have none.
 */
export type MetadataCondition = {
  /** The names of nested objects and of the value in them, joined by dots: `flavor.name`. A name may have dots itself. */
  readonly key: string;
} & (
  | { readonly operator: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'; readonly operand: MetadataOperand }
  | { readonly operator: 'in'; readonly operands: readonly MetadataOperand[] }
);

/**
 * Which samples are meant: those that satisfy all that is given. Of several values, one must match; of none, no sample does. Null
 * stands for samples that have no such value. Times are ns since 1970 UTC: start included, end excluded.
 */
export interface SampleFilter {
  /** Nothing outside of it is answered, whatever else is asked for. */
  readonly scope: Scope;
  readonly meters?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly projects?: readonly (string | null)[] | undefined;
  readonly users?: readonly (string | null)[] | undefined;
  readonly sources?: readonly string[] | undefined;
  /** All of them must hold. */
  readonly metadata?: readonly MetadataCondition[] | undefined;
  /** Found at once where meters and resources are given too; without them a store may have to search. */
  readonly messageId?: string | undefined;
  /** Only those that were recorded beside another one, of one event with several figures: their messages have `conflicts_with`. */
  readonly conflicting?: true | undefined;
  readonly start?: bigint | undefined;
  readonly end?: bigint | undefined;
}

/** Which samples, in which order, and how many at most. */
export interface SampleQuery extends SampleFilter {
  /** By time, newest first; by default oldest first. Of one time, in the order of recording, or its reverse. */
  readonly newestFirst?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface PageQuery extends SampleQuery {
  readonly limit: number;
  /** The `next` of the page before, of the same query: with the same filter and order. */
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

/** Of the samples that are meant: the times of the first and the last. */
export interface Span {
  readonly firstTimestamp: bigint;
  readonly lastTimestamp: bigint;
}

/** Who a resource belonged to: the times are those of its first and last sample as theirs. */
export interface ResourceOwner extends Span {
  readonly projectId: string | null;
  readonly userId: string | null;
}

/** A meter of a resource; the owner and the source are those of its latest sample. */
export interface ResourceMeter extends Span {
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly source: string;
}

/** Whose it is, its source and its metadata are what its latest sample says. */
export interface ResourceSummary extends Span {
  readonly resourceId: string;
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly source: string;
  /** In the order of their first samples. One that has it again has one entry. */
  readonly owners: readonly ResourceOwner[];
  /** By name, type and unit, in this order. */
  readonly meters: readonly ResourceMeter[];
  /** `resource_metadata`, as the JSON text that was received. */
  readonly metadata: string;
}

export interface ResourceQuery extends SampleFilter {
  /** Only those whose id is greater, by code point: the last one of the page before. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

export interface ProjectSummary extends Span {
  /** Null for samples without a project. */
  readonly projectId: string | null;
  readonly resources: number;
}

/**
 * Reads what a {@link SampleStore} has recorded, on connections of its own. It changes nothing, holds up no recording and waits
 * for none. `start` undoes itself when it fails; `stop` is safe before `start`, twice and at the same time. Several may read
 * one database.
 *
 * Each call has a signal: once it is aborted, the call rejects with the signal's reason, and the database is no longer busy
 * with it. When the database goes away, calls fail with STORE_UNAVAILABLE; when it is back, the next one succeeds.
 */
export interface SampleReader {
  /**
   * Makes and migrates nothing.
   *
   * @throws STORE_MISSING where nothing was recorded yet, STORE_SCHEMA_OLDER and STORE_SCHEMA_NEWER for the database of another
   *   version, STORE_UNAVAILABLE; PermanentError when another try does not help
   */
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Matching samples as a stream that takes no more memory when it is long. What is recorded after its first sample was asked
   * for is not part of it. What is removed meanwhile may be missing.
   *
   * @throws STORE_UNAVAILABLE
   */
  samples(query: SampleQuery, signal: AbortSignal): AsyncIterable<Sample>;
  /**
   * A part of the matching samples. The pages that cursors lead to are those of one stream, which began with the first: what is
   * recorded meanwhile, with whatever time, changes none of them.
   *
   * @throws CURSOR_INVALID for a cursor of another query, or none of a reader; STORE_UNAVAILABLE
   */
  samplePage(query: PageQuery, signal: AbortSignal): Promise<SamplePage>;
  /** By name, type and unit, in this order. @throws STORE_UNAVAILABLE */
  meters(filter: SampleFilter, signal: AbortSignal): Promise<readonly MeterSummary[]>;
  /**
   * In the order of their ids, as a stream of what was there when it began.
   *
   * @throws STORE_UNAVAILABLE
   */
  resources(query: ResourceQuery, signal: AbortSignal): AsyncIterable<ResourceSummary>;
  /** In the order of their ids, samples without a project first. @throws STORE_UNAVAILABLE */
  projects(filter: SampleFilter, signal: AbortSignal): Promise<readonly ProjectSummary[]>;
  health(): Health;
}
