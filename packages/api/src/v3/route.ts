import type { Logger } from '@nephoscope/core';
import type { SampleReader, Scope } from '@nephoscope/core/sample-store';
import type { Verifier } from '@nephoscope/message';
import type { FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { z } from 'zod';

import { Problem } from './problem.js';
import { csvOf, ndjsonOf } from '../rows.js';
import type { Rows } from '../rows.js';
import type { Answer } from './send.js';

export const mediaTypes = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
} as const;
export type Format = keyof typeof mediaTypes;

/** What an answer is made with. */
export interface Asked {
  readonly reader: SampleReader;
  /** Undefined where there are no secrets to check signatures with. */
  readonly verifier: Verifier | undefined;
  /** What the client may see: every query has it. */
  readonly scope: Scope;
  readonly format: Format;
  /** The path and query that were asked, such as `/v3/samples?limit=5`. */
  readonly url: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** One route: all that its handler, its checks, its documentation and the client are made from. Every route is a GET. */
export interface Route<Query extends z.ZodObject = z.ZodObject> {
  /** As OpenAPI writes it: `/v3/samples/{message_id}`. */
  readonly path: string;
  /** Its name in clients. */
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  /** What each name in the path is. */
  readonly names?: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The reply as JSON. */
  readonly reply: z.ZodType;
  /** One line of NDJSON, where the route has rows. */
  readonly row?: z.ZodType;
  /** The columns of CSV, in words. */
  readonly columns?: string;
  readonly answer: (
    asked: Asked,
    query: z.output<Query>,
    names: Readonly<Record<string, string>>,
  ) => Promise<Answer> | Answer;
}

export function route<Query extends z.ZodObject>(one: Route<Query>): Route {
  // A handler takes what its own schema gives.
  return one as unknown as Route;
}

/** @throws Problem `not-acceptable` */
export function formatOf({ headers }: FastifyRequest, { row }: Route): Format {
  const formats: readonly Format[] = row === undefined ? ['json'] : ['json', 'csv', 'ndjson'];
  const types = formats.map((format) => mediaTypes[format]);
  const chosen = new Negotiator({ headers }).mediaType([...types]);
  const format = formats.find((one) => mediaTypes[one] === chosen);
  if (format !== undefined) return format;
  throw new Problem(
    'not-acceptable',
    `the reply is one of ${types.join(', ')}, which the request does not accept`,
  );
}

export function json(value: unknown): Answer {
  return jsonText(JSON.stringify(value));
}

export function jsonText(text: string): Answer {
  return { type: mediaTypes.json, parts: once(text) };
}

async function* once(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}

/** Rows as CSV or NDJSON. */
export function inRows<T>(
  format: Exclude<Format, 'json'>,
  rows: Rows<T>,
  next?: () => string | undefined,
): Answer {
  const parts = format === 'csv' ? csvOf(rows, next) : ndjsonOf(rows, next);
  return { type: format === 'csv' ? 'text/csv; charset=utf-8' : mediaTypes.ndjson, parts };
}

/** `Link` to the next page: the same path and query with another cursor. */
export function nextLink({ url }: Asked, cursor: string | undefined): Readonly<Record<string, string>> {
  if (cursor === undefined) return {};
  const next = new URL(url, 'http://localhost');
  next.searchParams.set('cursor', cursor);
  return { link: `<${next.pathname}${next.search}>; rel="next"` };
}
