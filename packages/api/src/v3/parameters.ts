import { z } from 'zod';

import { Problem } from './problem.js';

/** Of what a client sent, enough to recognise it. */
export function shown(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

/** What is wrong with one parameter. */
interface ParameterMistake {
  readonly parameter: string;
  readonly message: string;
}

/**
 * The arguments of a request as the schema has them. One that may be repeated is an array there; all others are given once at most. An
 * argument that the schema has not is a mistake, since ignoring a condition would give too much.
 *
 * @throws Problem `invalid-parameters` that lists every mistake
 */
export function readParameters<S extends z.ZodObject>(schema: S, url: string): z.output<S> {
  const at = url.indexOf('?');
  const given = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const mistakes: ParameterMistake[] = [];
  for (const name of new Set(given.keys())) {
    const field = Object.hasOwn(schema.shape, name) ? (schema.shape as z.ZodRawShape)[name] : undefined;
    const all = given.getAll(name);
    if (field === undefined)
      mistakes.push({
        parameter: shown(name),
        message: `there is no such parameter here; there are ${Object.keys(schema.shape).join(', ')}`,
      });
    else if (isRepeatable(field as z.ZodType)) values[name] = all;
    else if (all.length > 1) mistakes.push({ parameter: name, message: 'it is given more than once' });
    else values[name] = all[0];
  }
  const result = schema.safeParse({ ...values });
  if (!result.success)
    for (const issue of result.error.issues) {
      const name = String(issue.path[0] ?? '');
      if (!mistakes.some(({ parameter }) => parameter === name))
        mistakes.push({ parameter: shown(name), message: wordsOf(issue, name in values) });
    }
  if (mistakes.length === 0 && result.success) return result.data;
  throw invalid(mistakes);
}

/** In the words of whoever asks, who does not know of arrays. */
function wordsOf(issue: z.core.$ZodIssue, isGiven: boolean): string {
  if (!isGiven) return 'it is required';
  if (issue.code === 'invalid_value') return `it is one of ${issue.values.join(', ')}`;
  if (issue.code === 'too_big' && issue.origin === 'string') return `it has at most ${issue.maximum} characters`;
  if (issue.code === 'too_big' && issue.origin === 'array') return `it is given at most ${issue.maximum} times`;
  return issue.message;
}

/**
 * What each of several readers gives.
 *
 * @throws Problem `invalid-parameters` with the mistakes of all of them; at once whatever is no such problem
 */
export function readAll<T extends Readonly<Record<string, () => unknown>>>(
  readers: T,
): { [K in keyof T]: ReturnType<T[K]> } {
  const mistakes: ParameterMistake[] = [];
  const read = Object.entries(readers).map(([name, reader]) => {
    try {
      return [name, reader()];
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== 'invalid-parameters') throw error;
      mistakes.push(...(error.members['mistakes'] as readonly ParameterMistake[]));
      return [name, undefined];
    }
  });
  if (mistakes.length > 0) throw invalid(mistakes);
  return Object.fromEntries(read) as { [K in keyof T]: ReturnType<T[K]> };
}

export function invalid(mistakes: readonly ParameterMistake[]): Problem {
  const texts = mistakes.map(({ parameter, message }) =>
    parameter === '' ? message : `${parameter}: ${message}`,
  );
  return new Problem('invalid-parameters', texts.join('; '), { mistakes });
}

export function isRepeatable(schema: z.ZodType): boolean {
  return inner(schema) instanceof z.ZodArray;
}

function inner(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? inner(schema.unwrap() as z.ZodType)
    : schema;
}
