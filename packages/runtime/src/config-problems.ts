import { NephoscopeError } from '@nephoscope/core';
import { z } from 'zod';

import type { RawConfig } from './config-file.js';

/** One thing wrong with the configuration: where, in the operator's own words, and what. Never a value: it may be a secret. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const name = /^[\w@][\w@./-]{0,39}$/;

/** Every mistake of a configuration at once, each with its path and place. */
export class ConfigInvalid extends NephoscopeError {
  readonly problems: readonly ConfigProblem[];

  constructor(raw: RawConfig, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ path, message }) => `  ${formatPath(path)}: ${message} (${raw.locate(path)})`);
    super(
      'CONFIG_INVALID',
      `the configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:\n${lines.join('\n')}`,
    );
    this.problems = problems;
  }
}

/**
 * `secrets[0]`, `compute.interval`. A key that cannot be meant as one is not shown: with the space after its colon
 * forgotten it is what was to be a value, and perhaps secret.
 */
export function formatPath(path: readonly PropertyKey[]): string {
  return (
    path
      .map((key) => (typeof key === 'number' ? `[${key}]` : name.test(String(key)) ? String(key) : '(no name)'))
      .join('.')
      .replaceAll('.[', '[') || '(top level)'
  );
}

/** What the schema makes of a value that stands at `path`, or everything that is wrong with it. */
export function check<T>(
  schema: z.ZodType<T>,
  value: unknown,
  path: readonly PropertyKey[] = [],
): { readonly ok: true; readonly data: T } | { readonly ok: false; readonly problems: readonly ConfigProblem[] } {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return { ok: true, data: parsed.data };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, schema, path)) };
}

function problemsOf(issue: z.core.$ZodIssue, schema: z.ZodType, prefix: readonly PropertyKey[]): ConfigProblem[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => ({ path: [...path, key], message: `there is no such key${hint(key, known)}` }));
  }
  if (issue.code === 'invalid_union') {
    if (issue.input === undefined) return [{ path, message: 'is required' }];
    // The alternative that is at least of the right type is the one that was meant.
    const meant = issue.errors.find((issues) => !issues.some((one) => wantedTypes(one).length > 0));
    if (meant !== undefined) return meant.flatMap((one) => problemsOf(one, schema, path));
    return [{ path, message: `must be ${[...new Set(issue.errors.flat().flatMap(wantedTypes))].join(' or ')}` }];
  }
  if (issue.code === 'invalid_type') {
    return [
      {
        path,
        message: issue.input === undefined ? `is required (${issue.expected})` : `must be ${issue.expected}`,
      },
    ];
  }
  return [{ path, message: issue.message }];
}

/** The types of which the value itself would have to be; none when its type is right and something else is wrong. */
function wantedTypes(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.path.length > 0) return [];
  if (issue.code === 'invalid_type') return [issue.expected];
  if (issue.code !== 'invalid_union') return [];
  const alternatives = issue.errors.map((issues) => issues.flatMap(wantedTypes));
  return alternatives.every((types) => types.length > 0) ? alternatives.flat() : [];
}

type Described = {
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
  readonly additionalProperties?: Described;
};

/** The keys that an object schema has at a path; none where that cannot be told. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Described | undefined;
  for (const key of path)
    at = typeof key === 'number' ? at?.items : (at?.properties?.[String(key)] ?? at?.additionalProperties);
  return Object.keys(at?.properties ?? {});
}

function hint(key: string, known: readonly string[]): string {
  const close = known
    .map((one) => ({ one, distance: editDistance(key.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (close !== undefined && close.distance <= Math.max(1, key.length / 3))
    return `; did you mean '${close.one}'?`;
  return known.length > 0 ? `; there are ${known.join(', ')}` : '';
}

/** Levenshtein's: how many letters to put in, leave out or change. */
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
