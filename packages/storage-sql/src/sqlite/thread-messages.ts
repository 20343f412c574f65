import { SqliteError } from './driver.js';
import { FilesMoved } from './files.js';
import type { Files } from './files.js';
import type { RowBatch } from './row-batch.js';

/** What the thread is started with: the path, the files that it must lead to, and its {@link newCall}. */
export interface ThreadData {
  readonly path: string;
  readonly files: Files;
  readonly call: Int32Array;
}

/** What the thread that writes is asked for, one after the other; each but the last has its answer. */
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
  | { readonly kind: 'end' };

/** What is asked for with an answer. */
export type Question = Exclude<Request, { readonly kind: 'end' }>;

export type Answer<Result> = { readonly result: Result } | { readonly failure: Failure };

/** An error as it crosses to another thread, where one of these would lose its class. */
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

/** What was thrown there. */
export function fromFailure(failure: Failure): unknown {
  if ('error' in failure) return failure.error;
  if ('moved' in failure) return new FilesMoved(failure.moved);
  return new SqliteError(failure.sqlite.message, failure.sqlite.resultCode);
}
