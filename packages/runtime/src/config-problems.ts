import { NephoscopeError } from '@nephoscope/core';
import type { z } from 'zod';

import { advice, described, describedAt, expected, found } from './config-expectation.js';
import type { Described } from './config-expectation.js';
import type { RawConfig } from './config-file.js';
import type { ConfigProblem } from './config-problem.js';
import { outdated } from './outdated-options.js';

/** Error descriptions are truncated to 2,000 characters. */
const longestList = 1_900;

const name = /^[\w@][\w@./-]{0,39}$/;

/** All mistakes of a configuration, each with its path and position. */
export class ConfigInvalid extends NephoscopeError {
  readonly problems: readonly ConfigProblem[];
  /** A line for each; in its message are as many as fit. */
  readonly lines: readonly string[];

  constructor(raw: RawConfig, problems: readonly ConfigProblem[]) {
    const lines = problems.map((problem) => `  ${formatProblem(raw, problem)}`);
    super(
      'CONFIG_INVALID',
      `the configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:\n${asMany(lines).join('\n')}`,
    );
    this.problems = problems;
    this.lines = lines;
  }
}

/** One line: the path, the mistake and its position. */
export function formatProblem(raw: RawConfig, { path, message }: ConfigProblem): string {
  return `${formatPath(path)}: ${message} (${raw.locate(path)})`;
}

/** As many as fit into an error description, and the number of others. */
function asMany(lines: readonly string[]): readonly string[] {
  let length = 0;
  const shown = lines.filter((line) => (length += line.length + 1) <= longestList);
  return shown.length === lines.length ? lines : [...shown, `  and ${lines.length - shown.length} more`];
}

/**
 * `secrets[0]`, `compute.interval`. A key that cannot be an option's name is not shown: if the blank after its colon
 * is missing, it contains the value, which may be secret.
 */
export function formatPath(path: readonly PropertyKey[]): string {
  return (
    path
      .map((key) => (typeof key === 'number' ? `[${key}]` : name.test(String(key)) ? String(key) : '(no name)'))
      .join('.')
      .replaceAll('.[', '[') || '(top level)'
  );
}

/** The parsed value at `path`, or everything that is wrong with it. */
export function check<T>(
  schema: z.ZodType<T>,
  value: unknown,
  path: readonly PropertyKey[] = [],
):
  | { readonly ok: true; readonly data: T; readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] } {
  // The texts of schemas are kept; zod's own are not used.
  const parsed = schema.safeParse(value, { reportInput: true, error: () => '' });
  const whole = described(schema);
  if (parsed.success) return { ok: true, data: parsed.data, warnings: outdated(whole, value, path) };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, whole, [], path)) };
}

/** @param outer the path in the schema that the issue's path is relative to */
function problemsOf(
  issue: z.core.$ZodIssue,
  whole: Described,
  outer: readonly PropertyKey[],
  prefix: readonly PropertyKey[],
): ConfigProblem[] {
  const within = [...outer, ...issue.path];
  const path = [...prefix, ...within];
  if (issue.code === 'unrecognized_keys') {
    const known = namesOf(describedAt(whole, within));
    return issue.keys.map((key) => {
      const elsewhere = placesOf(key, whole).map((place) => [...prefix, ...place]);
      return { path: [...path, key], message: `there is no such key${hint(key, known, elsewhere)}` };
    });
  }
  if (issue.code === 'invalid_union' && issue.input !== undefined && issue.input !== null) {
    // The alternative of the right type is probably the intended one.
    const meant = issue.errors.find((issues) => !issues.some((one) => isOfOtherType(one)));
    if (meant !== undefined) return meant.flatMap((one) => problemsOf(one, whole, within, prefix));
  }
  if (issue.message !== '') return [{ path, message: issue.message }];
  const option = describedAt(whole, within) ?? ofIssue(issue);
  const takes = expected(option);
  if (issue.input === undefined) return [{ path, message: `is required: ${takes}` }];
  if (issue.input === null) return [{ path, message: `has no value: give it ${takes}, or remove the key` }];
  return [
    { path, message: `must be ${takes}, not ${found(issue.input, path, option)}${advice(issue.input, option)}` },
  ];
}

/** Whether the value itself has the wrong type. */
function isOfOtherType(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code !== 'invalid_union') return issue.code === 'invalid_type';
  return issue.errors.every((issues) => issues.some(isOfOtherType));
}

/** The issue's own text, for checks that JSON Schema cannot express. */
function ofIssue(issue: z.core.$ZodIssue): Described {
  if (issue.code === 'invalid_type') return { type: issue.expected };
  if (issue.code === 'invalid_value') return { enum: issue.values };
  return {};
}

/** The allowed keys. */
function namesOf(schema: Described | undefined): readonly string[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([key, { retired }]) =>
    retired === undefined ? [key] : [],
  );
}

/** The paths of keys with this name anywhere in the schema; both `interval` and `computeInterval` match `compute.interval`. */
function placesOf(key: string, schema: Described, path: readonly string[] = []): readonly (readonly string[])[] {
  return namesOf(schema).flatMap((name) => [
    ...(name === key || [...path, name].join('').toLowerCase() === key.toLowerCase() ? [[...path, name]] : []),
    ...placesOf(key, schema.properties?.[name] ?? {}, [...path, name]),
  ]);
}

/** @param elsewhere paths where this key is allowed */
function hint(key: string, known: readonly string[], elsewhere: readonly (readonly PropertyKey[])[]): string {
  if (elsewhere.length > 0 && elsewhere.length <= 3)
    return `; did you mean ${elsewhere.map((place) => `'${formatPath(place)}'`).join(' or ')}?`;
  const close = known
    .map((one) => ({ one, distance: editDistance(key.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (close !== undefined && close.distance <= Math.max(1, key.length / 3))
    return `; did you mean '${close.one}'?`;
  return known.length > 0 ? `; there are ${known.join(', ')}` : '';
}

/** The Levenshtein distance: the number of letters to insert, remove or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
