import { z } from 'zod';

import { invalidInput, unknownArgument } from './fault.js';

/** The arguments of a request, in order. */
export type Parameters = readonly (readonly [string, string])[];

export function parametersOf(url: string): Parameters {
  const at = url.indexOf('?');
  return at < 0 ? [] : [...new URLSearchParams(url.slice(at + 1))];
}

/** @throws 400 for an argument that is not in the list */
export function refuseOthers(parameters: Parameters, known: readonly string[]): void {
  const other = parameters.map(([name]) => name.replace(/\[\d+\]/, '')).find((name) => !known.includes(name));
  if (other !== undefined) throw unknownArgument(other, `valid arguments: ${known.join(', ')}`);
}

export function valuesOf(parameters: Parameters, name: string): readonly string[] {
  return parameters.filter(([key]) => key === name).map(([, value]) => value);
}

/** The last one if there are several, as in servers of that time; an empty text counts as missing. */
export function valueOf(parameters: Parameters, name: string): string | undefined {
  const value = valuesOf(parameters, name).at(-1);
  return value === '' ? undefined : value;
}

/** Arguments such as `q.field` and `q.value`, matched by their position or by a number, as in `q[0].field`. */
export function groupsOf(
  parameters: Parameters,
  name: string,
  fields: readonly string[],
): readonly Readonly<Record<string, string | undefined>>[] {
  const groups = new Map<string, Record<string, string>>();
  const counts = new Map<string, number>();
  for (const [key, value] of parameters) {
    const [, given, index, field = ''] = /^([a-z]+)(?:\[(\d{1,6})\])?\.([a-z]+)$/.exec(key) ?? [];
    if (given !== name || !fields.includes(field)) continue;
    const count = counts.get(field) ?? 0;
    if (index === undefined) counts.set(field, count + 1);
    const position = index === undefined ? `${count}` : `[${Number(index)}]`;
    const group = groups.get(position) ?? {};
    groups.set(position, group);
    if (value !== '') group[field] = value;
  }
  return [...groups.values()];
}

const whole = z.string().regex(/^\d{1,15}$/);
const mostDigits = 15;

/**
 * What is wrong with a limit; undefined if nothing is. Of 0 and negative ones it is Ceilometer's text.
 *
 * @param most the greatest that is taken
 */
export function limitMistake(text: string, most: number): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return `It must be a whole number of 1 to ${most}, in digits`;
  if (text.startsWith('-') || /^\+?0+$/.test(text)) return 'Limit must be positive';
  if (text.length > mostDigits || Number(text) > most) return `It must be at most ${most}`;
  return text.startsWith('+') ? `It must be a whole number of 1 to ${most}, in digits` : undefined;
}

const greatestLimit = 10 ** mostDigits - 1;

/** @throws 400 */
export function limitOf(parameters: Parameters): number | undefined {
  const text = valuesOf(parameters, 'limit').at(-1);
  if (text === undefined) return undefined;
  const mistake = limitMistake(text.trim(), greatestLimit);
  if (mistake !== undefined) throw invalidInput('limit', text, mistake);
  return Number(text);
}

/** An integer, 0 or more. @throws 400 */
export function countOf(name: string, text: string | undefined, most: number): number {
  if (text === undefined) return 0;
  const { success, data } = whole.transform(Number).pipe(z.number().max(most)).safeParse(text.trim());
  if (!success) throw invalidInput(name, text, `It must be a whole number of 0 to ${most}`);
  return data;
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['t', 'true', 'on', 'y', 'yes', '1'].map((text) => [text, true] as const),
  ...['f', 'false', 'off', 'n', 'no', '0'].map((text) => [text, false] as const),
]);

/** Undefined for a text that is neither. */
export function truthOf(text: string): boolean | undefined {
  return truths.get(text.trim().toLowerCase());
}

/** @throws 400 */
export function booleanOf(name: string, text: string): boolean {
  const truth = truthOf(text);
  if (truth === undefined) throw invalidInput(name, text, 'It is neither True nor False');
  return truth;
}
