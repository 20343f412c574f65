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
    for (const { path, message } of result.error.issues)
      mistakes.push({ parameter: shown(String(path[0] ?? '')), message });
  if (mistakes.length === 0 && result.success) return result.data;
  throw invalid(mistakes);
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
