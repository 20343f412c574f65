import type { Described } from './config-expectation.js';
import type { ConfigProblem } from './config-problem.js';

/**
 * Outdated but working parts of a valid configuration: options without effect, and time spans and sizes without a
 * unit.
 */
export function outdated(
  schema: Described,
  value: unknown,
  path: readonly PropertyKey[],
): readonly ConfigProblem[] {
  const { title, unit, retired } = schema;
  if (retired !== undefined) return [{ path, message: `has no effect any more: ${retired}` }];
  if (typeof value === 'number' && title !== undefined && unit !== undefined)
    return [{ path, message: `${title} is written with its unit: ${value}${unit} instead of ${value}` }];
  if (typeof value !== 'object' || value === null) return [];
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((one) => outdated(one, value, path));
  if (Array.isArray(value))
    return value.flatMap((item: unknown, index) => outdated(schema.items ?? {}, item, [...path, index]));
  const others = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {};
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    // A key without a value counts as absent.
    inner === undefined ? [] : outdated(schema.properties?.[key] ?? others, inner, [...path, key]),
  );
}
