import { describeError, isNephoscopeError } from '@nephoscope/core';

/** A reply that is an error, as RFC 9457 has it. The text is for people, `type` and `members` for programs. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: ProblemKind;
  /** Members of its own, such as the size that a query would have. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(kind: ProblemKind, detail: string, members: Problem['members'] = {}) {
    super(detail);
    this.kind = kind;
    this.members = members;
  }
}

/** Each kind of problem, by the last part of its `type`. */
export const problemKinds = {
  'invalid-parameters': { status: 400, title: 'A parameter cannot be used as it is' },
  'invalid-cursor': { status: 400, title: 'The cursor is not one of this query' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'not-acceptable': { status: 406, title: 'The reply has no form that the request accepts' },
  refused: { status: 422, title: 'The question has no meaningful answer' },
  'query-too-large': { status: 422, title: 'The answer would be too large' },
} as const;

export type ProblemKind = keyof typeof problemKinds;

/** URNs, because a problem is told apart by its type and not looked up there. */
export const problemType = (kind: ProblemKind) => `urn:nephoscope:problem:${kind}`;

/** What questions can be wrong about, where their figures are made. */
const kindOfCode: ReadonlyMap<string, ProblemKind> = new Map([
  ['RANGE_INVALID', 'invalid-parameters'],
  ['ZONE_UNKNOWN', 'invalid-parameters'],
  ['TIMESTAMP_INVALID', 'invalid-parameters'],
  ['GROUP_UNKNOWN', 'invalid-parameters'],
  ['FUNCTION_UNKNOWN', 'invalid-parameters'],
  ['CURSOR_INVALID', 'invalid-cursor'],
  ['FUNCTION_REFUSED', 'refused'],
  ['FIGURE_MIXED', 'refused'],
  ['TYPE_UNKNOWN', 'refused'],
  ['SAMPLES_REMOVED', 'refused'],
  ['VOLUME_INVALID', 'refused'],
  ['PERIODS_TOO_MANY', 'query-too-large'],
  ['PERCENTILES_TOO_LARGE', 'query-too-large'],
]);

/** The problem that an error is; undefined for one that is none of the question. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!isNephoscopeError(error)) return undefined;
  const kind = kindOfCode.get(error.code);
  return kind === undefined ? undefined : new Problem(kind, describeError(error), { code: error.code });
}

/** Where only the status is known: `about:blank` means that it says everything. */
export function plainProblem(status: number, detail: string): object {
  return { type: 'about:blank', title: statusTitles.get(status) ?? 'The request failed', status, detail };
}

export function problemBody({ kind, message, members }: Problem): object {
  const { status, title } = problemKinds[kind];
  return { type: problemType(kind), title, status, detail: message, ...members };
}

/** As RFC 9110 and 6585 name them. */
const statusTitles: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [406, 'Not Acceptable'],
  [413, 'Content Too Large'],
  [415, 'Unsupported Media Type'],
  [421, 'Misdirected Request'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
]);

export const problemMediaType = 'application/problem+json';
