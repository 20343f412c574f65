import { z } from 'zod';

import { isSecretKey } from './secret-values.js';

/** The parts of an option's JSON Schema that error messages use. */
export interface Described {
  readonly title?: string;
  /** Examples, under a separate name: a transforming schema has no `examples` of its input. */
  readonly like?: readonly string[];
  /** The unit of a number, such as `seconds`; for a time span or size the unit of a plain number. */
  readonly unit?: string;
  /** For a removed option: what to do instead. */
  readonly retired?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: Described;
  readonly anyOf?: readonly Described[];
  readonly properties?: Readonly<Record<string, Described>>;
  readonly additionalProperties?: Described | boolean;
}

export function described(schema: z.ZodType): Described {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Described;
}

/** The schema at a path; undefined if it cannot be determined. */
export function describedAt(schema: Described, path: readonly PropertyKey[]): Described | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return schema;
  for (const one of schema.anyOf ?? [schema]) {
    const others = typeof one.additionalProperties === 'object' ? one.additionalProperties : undefined;
    const inner = typeof key === 'number' ? one.items : (one.properties?.[String(key)] ?? others);
    const found = inner && describedAt(inner, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The accepted values of an option as a phrase: `a whole number from 1 to 600`. */
export function expected(option: Described): string {
  if (option.title !== undefined) return named(option.title, option.like ?? []);
  if (option.const !== undefined) return quoted(option.const);
  if (option.enum !== undefined)
    return option.enum.length === 1 ? quoted(option.enum[0]) : `one of ${option.enum.map(quoted).join(', ')}`;
  if (option.anyOf !== undefined) return [...new Set(alternatives(option.anyOf).map(expected))].join(' or ');
  switch (option.type ?? '') {
    case 'string':
      if (option.pattern !== undefined) return `a text of the form ${option.pattern}`;
      return (option.minLength ?? 0) > 1 ? `a text of at least ${option.minLength} characters` : 'a text';
    case 'integer':
    case 'number':
      return aNumber(option);
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list of ${plural(option.items ?? {})}`;
    case 'object':
      return 'a mapping';
    default:
      return 'another value';
  }
}

/**
 * The value found, as far as it may be shown: a single value unless a free text is expected, and nothing below a key
 * that sounds secret.
 */
export function found(value: unknown, path: readonly PropertyKey[], option: Described): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const isShown = !path.some((key) => isSecretKey(String(key)));
  if (typeof value === 'number') return isShown ? String(value) : 'a number';
  if (typeof value === 'boolean') return isShown ? String(value) : 'true or false';
  if (value === '') return 'an empty text';
  const isWord = typeof value === 'string' && /^[\w.+\-: ]{1,32}$/.test(value);
  return isShown && isWord && isClosed(option) ? quoted(value) : 'a text';
}

/** How to write the value that was probably meant. */
export function advice(value: unknown, option: Described): string {
  const kinds = kindsOf(option);
  const takes = (...types: readonly string[]) => kinds.some(({ type = '' }) => types.includes(type));
  const text = kinds.some((one) => one.type === 'string' && !isClosed(one)) && option.title === undefined;
  if (Array.isArray(value)) return takes('object') ? ': write its keys without "-"' : '';
  if (typeof value === 'object') return takes('array') && !text ? ': begin each of its items with "- "' : '';
  if (typeof value !== 'string') return text ? ': put it in quotes' : '';
  if (takes('object')) {
    if (/^\s*\w+:\s/.test(value)) return ': put it in braces, { }';
    return /^\s*\w+:(?!\/\/)/.test(value) ? ': is the space after a colon missing?' : '';
  }
  if (takes('array') && !text) return ': put it in brackets, [ ]';
  const isQuotedNumber = takes('integer', 'number') && !text && /^-?\d+(\.\d+)?$/.test(value);
  const isQuotedTruth = takes('boolean') && /^(true|false)$/.test(value);
  return isQuotedNumber || isQuotedTruth ? ': remove the quotes' : '';
}

function kindsOf(option: Described): readonly Described[] {
  return option.anyOf?.flatMap(kindsOf) ?? [option];
}

/** Text options also accept numbers, so that digits need no quotes. */
function alternatives(options: readonly Described[]): readonly Described[] {
  return options.some(({ type }) => type === 'string')
    ? options.filter(({ type }) => type !== 'integer' && type !== 'number')
    : options;
}

/** Whether its possible values are all known, so that it cannot contain a secret. */
function isClosed(option: Described): boolean {
  if (option.title !== undefined || option.enum !== undefined || option.const !== undefined) return true;
  if (option.anyOf !== undefined) return option.anyOf.every(isClosed);
  return option.type === 'integer' || option.type === 'number' || option.type === 'boolean';
}

function named(title: string, like: readonly string[]): string {
  const texts = [like.slice(0, -1).join(', '), ...like.slice(-1)].filter((text) => text !== '');
  return texts.length === 0 ? title : `${title} such as ${texts.join(' or ')}`;
}

function aNumber(option: Described): string {
  const { type, unit } = option;
  const what = `${type === 'integer' ? 'a whole number' : 'a number'}${unit === undefined ? '' : ` of ${unit}`}`;
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = option;
  const isBelow = maximum !== Number.MAX_SAFE_INTEGER;
  if (minimum !== Number.MIN_SAFE_INTEGER)
    return isBelow ? `${what} from ${minimum} to ${maximum}` : `${what} of at least ${minimum}`;
  const bounds = [
    ...(option.exclusiveMinimum === undefined ? [] : [`above ${option.exclusiveMinimum}`]),
    ...(option.exclusiveMaximum === undefined ? [] : [`below ${option.exclusiveMaximum}`]),
    ...(isBelow ? [`up to ${maximum}`] : []),
  ];
  return [what, bounds.join(' and ')].filter(Boolean).join(' ');
}

function plural(option: Described): string {
  if (option.enum !== undefined) return option.enum.map(quoted).join(' or ');
  if (option.anyOf !== undefined) return alternatives(option.anyOf).map(plural).join(' or ');
  switch (option.type ?? '') {
    case 'string':
      return 'texts';
    case 'object':
      return 'mappings';
    case 'integer':
      return 'whole numbers';
    case 'number':
      return 'numbers';
    default:
      return 'values';
  }
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
