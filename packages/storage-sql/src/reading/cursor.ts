import { createHash } from 'node:crypto';

import { NephoscopeError } from '@nephoscope/core';
import type { SampleQuery } from '@nephoscope/core/sample-store';

import { int64Range } from '../int64.js';

/** Identifies the rows that existed when a stream began, as texts that a cursor can carry. */
export type Snapshot = readonly string[];

/** The last sample of a snapshot that was read. */
export interface Position {
  readonly timestamp: bigint;
  readonly id: bigint;
}

export interface Cursor {
  readonly snapshot: Snapshot;
  readonly position: Position;
}

export function formatCursor(query: SampleQuery, { snapshot, position }: Cursor): string {
  const parts = [digestOf(query), `${position.timestamp}`, `${position.id}`, ...snapshot];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** @throws CURSOR_INVALID */
export function parseCursor(text: string, query: SampleQuery): Cursor {
  const [digest, timestamp, id, ...snapshot] = partsOf(text);
  if (digest !== digestOf(query))
    throw cursorInvalid('it is of another query: filter and order of all pages are the same');
  return { snapshot, position: { timestamp: int64Of(timestamp), id: int64Of(id) } };
}

/** The number in a part of a cursor. @throws CURSOR_INVALID */
export function int64Of(text: string | undefined): bigint {
  const value = text !== undefined && /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value < int64Range.min || value > int64Range.max) throw noCursor();
  return value;
}

export function noCursor(): NephoscopeError {
  return cursorInvalid('it is none that a page came with');
}

function cursorInvalid(reason: string): NephoscopeError {
  return new NephoscopeError('CURSOR_INVALID', `the cursor cannot be used: ${reason}. Begin with the first page`);
}

function partsOf(text: string): readonly string[] {
  try {
    const decoded = Buffer.from(text, 'base64url');
    const parts: unknown = JSON.parse(decoded.toString());
    const isWhole = decoded.toString('base64url') === text;
    if (isWhole && Array.isArray(parts) && parts.every((part) => typeof part === 'string')) return parts;
  } catch {
    // Not JSON.
  }
  throw noCursor();
}

/** The same for equal queries, whatever the order of their fields. */
function digestOf(query: SampleQuery): string {
  const { scope, meters, resources, projects, users, sources, metadata } = query;
  const { messageId, conflicting, start, end, newestFirst = false } = query;
  const fields = [scope, meters, resources, projects, users, sources, metadata, messageId, conflicting];
  const text = JSON.stringify([...fields, start, end, newestFirst], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
