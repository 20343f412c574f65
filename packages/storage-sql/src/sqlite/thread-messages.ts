import { SqliteError } from './driver.js';
import { FilesMoved } from './files.js';
import type { Files } from './files.js';
import type { RollupStatement } from '../rollups/statements.js';
import type { RowBatch } from './row-batch.js';

/** What the thread is started with: the path, the files expected there, and its {@link newCall}. */
export interface ThreadData {
  readonly path: string;
  readonly files: Files;
  readonly call: Int32Array;
}

/** Requests to the writing thread, one after the other; each except the last has an answer. */
export type Request =
  | { readonly kind: 'begin' }
  | { readonly kind: 'write'; readonly batch: RowBatch }
  | {
      readonly kind: 'removeBefore';
      readonly time: bigint;
      readonly since: bigint;
      readonly limit: number;
      readonly noted: bigint;
    }
  | { readonly kind: 'endPeriod' | 'removeShared'; readonly period: number }
  | { readonly kind: 'writeRollups'; readonly statements: readonly RollupStatement[] }
  | { readonly kind: 'end' };

/** A request with an answer. */
export type Question = Exclude<Request, { readonly kind: 'end' }>;

export type Answer<Result> = { readonly result: Result } | { readonly failure: Failure };

/** An error in transit to another thread, where an instance of these classes would lose its class. */
export type Failure =
  | { readonly error: unknown }
  | { readonly moved: string }
  | { readonly sqlite: { readonly message: string; readonly resultCode: number } };

export function toFailure(error: unknown): Failure {
  if (error instanceof FilesMoved) return { moved: error.message };
  if (!(error instanceof SqliteError)) return { error };
  const { message, resultCode } = error;
  return { sqlite: { message, resultCode } };
}

/** The error thrown in the thread. */
export function fromFailure(failure: Failure): unknown {
  if ('error' in failure) return failure.error;
  if ('moved' in failure) return new FilesMoved(failure.moved);
  return new SqliteError(failure.sqlite.message, failure.sqlite.resultCode);
}
