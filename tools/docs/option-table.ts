import { hostname } from 'node:os';

import { z } from 'zod';

/** The part of an option's JSON Schema that the tables show. */
export interface OptionSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly OptionSchema[];
  readonly items?: OptionSchema;
  readonly title?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, OptionSchema>>;
  readonly additionalProperties?: OptionSchema | boolean;
  readonly required?: readonly string[];
  readonly retired?: string;
  /** The path of an option with the same keys, under which they are documented. */
  readonly sameAs?: string;
}

export function describeSchema(schema: z.ZodType): OptionSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as OptionSchema;
}

/** Those of versions before left out. */
export function hasOptions({ properties = {} }: OptionSchema): boolean {
  return Object.values(properties).some(({ retired }) => retired === undefined);
}

/** A table of the options of a schema; those of objects and of lists of objects are listed under their path. */
export function optionTable(schema: OptionSchema): string {
  const rows = optionRows(schema, '');
  if (rows.length === 0) return 'No options.\n';
  return ['| key | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n') + '\n';
}

function optionRows({ properties = {}, required = [] }: OptionSchema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([key, option]) => {
    if (option.retired !== undefined) return [];
    const path = prefix + key;
    if (option.sameAs !== undefined) return [rowOf(path, option, required.includes(key))];
    const inner =
      option.properties !== undefined ? rowsOfObject(option, path) : optionRows(option.items ?? {}, `${path}[].`);
    return [rowOf(path, option, required.includes(key)), ...inner];
  });
}

function rowOf(path: string, option: OptionSchema, required: boolean): string {
  return `| \`${path}\` | ${typeOf(option)} | ${defaultOf(option, required)} | ${cell(option.description ?? '')} |`;
}

/** What all keys of an object may have is listed once, under `NAME`, before the additional options of single ones. */
function rowsOfObject(option: OptionSchema, path: string): string[] {
  const { additionalProperties: others } = option;
  const shared = typeof others === 'object' ? others : undefined;
  if (shared?.properties === undefined) return optionRows(option, `${path}.`);
  const own = Object.entries(option.properties ?? {}).flatMap(([key, one]) => {
    const properties = Object.entries(one.properties ?? {}).filter(
      ([name]) => !(name in (shared.properties ?? {})),
    );
    return optionRows({ properties: Object.fromEntries(properties) }, `${path}.${key}.`);
  });
  return [...optionRows(shared, `${path}.NAME.`), ...own];
}

function typeOf(option: OptionSchema): string {
  if (option.title !== undefined) return option.title.replace(/^an? /, '');
  if (option.enum !== undefined) return option.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (option.anyOf !== undefined) {
    return [...new Set(option.anyOf.map(typeOf))].join(' or ');
  }
  if (option.type === 'array') return `list of ${plural(typeOf(option.items ?? {}))}`;
  if (option.type === 'object' && option.properties === undefined) return 'object by name';
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = option;
  const bounded = minimum !== Number.MIN_SAFE_INTEGER || maximum !== Number.MAX_SAFE_INTEGER;
  const range = bounded
    ? `, ${maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum}` : `${minimum} to ${maximum}`}`
    : '';
  return `${option.type === 'string' ? 'text' : (option.type ?? 'any')}${range}`;
}

function plural(type: string): string {
  if (type === 'text') return 'texts';
  return type === 'object' ? 'objects' : type;
}

function defaultOf(option: OptionSchema, required: boolean): string {
  const value = option.default;
  if (value === undefined) return required || isSecrets(option) ? '**required**' : 'none';
  if (value === hostname()) return 'the machine’s host name';
  if (option.properties !== undefined) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** A JSON Schema of a transforming schema does not show that the value is required. */
function isSecrets({ description }: OptionSchema): boolean {
  return description?.startsWith('Shared secrets') ?? false;
}

export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
