import Database from 'libsql';

import type { RowBatch } from './row-batch.js';

/** What the thread that writes is asked for, one after the other; each but the last has its answer. */
export type Request =
  | { readonly kind: 'begin' }
  | { readonly kind: 'write'; readonly batch: RowBatch }
  | { readonly kind: 'removeBefore'; readonly time: bigint; readonly limit: number }
  | { readonly kind: 'endPeriod' | 'removeShared'; readonly period: number }
  | { readonly kind: 'end' };

/** What is asked for with an answer. */
export type Question = Exclude<Request, { readonly kind: 'end' }>;

export type Answer = { readonly count: number } | { readonly failure: Failure };

/** An error as it crosses to another thread, where one of SQLite's would lose its class and its text. */
export type Failure =
  | { readonly error: unknown }
  | { readonly sqlite: { readonly message: string; readonly code: string; readonly rawCode: number | undefined } };

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Database.SqliteError)) return { error };
  const { message, code, rawCode } = error;
  return { sqlite: { message, code, rawCode } };
}

/** What was thrown there. */
export function fromFailure(failure: Failure): unknown {
  if ('error' in failure) return failure.error;
  const { message, code, rawCode } = failure.sqlite;
  return new Database.SqliteError(message, code, rawCode);
}
