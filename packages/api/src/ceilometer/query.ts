import type { MetadataCondition, MetadataOperand, SampleFilter, Scope } from '@nephoscope/core/sample-store';
import { z } from 'zod';

import { badRequest, invalidInput, shown, unknownArgument } from './fault.js';
import { refuseOtherProject } from './other-project.js';
import { countOf, groupsOf, truthOf } from './parameters.js';
import type { Parameters } from './parameters.js';
import { second, timeOf } from './times.js';

const operators = ['lt', 'le', 'eq', 'ne', 'ge', 'gt'] as const;
const types = ['integer', 'float', 'string', 'boolean', 'datetime'] as const;

const conditionSchema = z.object({
  field: z.string().min(1).max(1_000),
  op: z.enum(operators).default('eq'),
  value: z.string().max(10_000),
  type: z.enum(types).optional(),
});
type Condition = z.output<typeof conditionSchema>;

/** The possible fields besides metadata. */
export type Field =
  'timestamp' | 'search_offset' | 'user' | 'project' | 'resource' | 'source' | 'meter' | 'message_id';

/** The range that the query names, as shown in replies: without `search_offset`. */
export interface AskedTimes {
  readonly start: bigint | undefined;
  readonly end: bigint | undefined;
}

const names: Readonly<Record<string, Field>> = {
  timestamp: 'timestamp',
  search_offset: 'search_offset',
  user: 'user',
  user_id: 'user',
  project: 'project',
  project_id: 'project',
  resource: 'resource',
  resource_id: 'resource',
  source: 'source',
  meter: 'meter',
  message_id: 'message_id',
};

/** As Ceilometer's documentation writes it; the short name is taken, too. */
function longName(field: Field): string {
  return ['user', 'project', 'resource'].includes(field) ? `${field}_id` : field;
}

export interface Query {
  readonly filter: SampleFilter;
  readonly asked: AskedTimes;
}

/** This many minutes are about 190,000 years, beyond any time in ns. */
const longestOffset = 1e11;

/**
 * The filter for the argument `q`, all of whose conditions must hold.
 *
 * @throws 400, 401
 */
export function queryOf(parameters: Parameters, scope: Scope, fields: readonly Field[]): Query {
  const only: Record<'users' | 'projects', (string | null)[] | undefined> &
    Record<'resources' | 'sources' | 'meters', string[] | undefined> = {
    users: undefined,
    projects: undefined,
    resources: undefined,
    sources: undefined,
    meters: undefined,
  };
  const metadata: MetadataCondition[] = [];
  const bounds: { start?: bigint; end?: bigint; askedStart?: bigint; askedEnd?: bigint } = {};
  let messageId: string | undefined;
  let offset: number | undefined;
  for (const condition of conditionsOf(parameters)) {
    const { field, op, value } = condition;
    const key = /^(?:resource_)?metadata\.(.+)$/s.exec(field)?.[1];
    if (key !== undefined) {
      onlyEqual(condition);
      metadata.push({ key, operator: 'eq', operand: operandOf(condition) });
      continue;
    }
    const known = Object.hasOwn(names, field) ? names[field] : undefined;
    if (known === undefined || !fields.includes(known))
      throw unknownArgument(
        field,
        known === 'timestamp' || known === 'search_offset'
          ? 'not valid for this resource'
          : `unrecognized field in query: valid keys: ${fields.map(longName).join(', ')}, metadata.*`,
      );
    if (known === 'timestamp') {
      const time = timeOf(value);
      if (op === 'gt' || op === 'ge') {
        bounds.start = op === 'gt' ? time + 1n : time;
        bounds.askedStart = time;
      } else if (op === 'lt' || op === 'le') {
        bounds.end = op === 'le' ? time + 1n : time;
        bounds.askedEnd = time;
      } else throw refusedOperator(condition, 'lt, le, gt, ge');
      continue;
    }
    onlyEqual(condition);
    if (known === 'search_offset') offset = countOf('search_offset', value, longestOffset);
    else if (known === 'message_id') messageId = messageId === undefined || messageId === value ? value : '';
    else if (known === 'user' || known === 'project') {
      const wanted = value === 'None' ? null : value;
      if (known === 'project') refuseOtherProject(scope, value);
      const list = `${known}s` as const;
      only[list] = only[list]?.filter((one) => one === wanted) ?? [wanted];
    } else {
      const list = `${known}s` as 'resources' | 'sources' | 'meters';
      only[list] = only[list]?.filter((one) => one === value) ?? [value];
    }
  }
  const { start, end, askedStart, askedEnd } = bounds;
  if (offset !== undefined && start === undefined && end === undefined)
    throw invalidInput('search_offset', String(offset), 'search_offset cannot be used without timestamp');
  const widened = BigInt(offset ?? 0) * 60n * second;
  return {
    filter: {
      scope,
      ...only,
      metadata,
      messageId,
      start: start === undefined ? undefined : start - widened,
      end: end === undefined ? undefined : end + widened,
    },
    asked: { start: askedStart, end: askedEnd },
  };
}

function conditionsOf(parameters: Parameters): readonly Condition[] {
  const given = groupsOf(parameters, 'q', ['field', 'op', 'value', 'type']);
  return given
    .filter(({ value, field }) => value !== undefined || field === undefined)
    .map((one) => {
      const { success, data, error } = conditionSchema.safeParse(one);
      if (success) return data;
      const [issue] = error.issues;
      const name = String(issue?.path[0] ?? 'q');
      const expected =
        name === 'op'
          ? `one of ${operators.join(', ')}`
          : name === 'type'
            ? `one of ${types.join(', ')}`
            : 'a text';
      throw invalidInput(
        name,
        one[name] ?? '',
        `${name === 'type' ? 'The data type is not supported. ' : ''}It must be ${expected}`,
      );
    });
}

function onlyEqual(condition: Condition): void {
  if (condition.op !== 'eq') throw refusedOperator(condition, 'eq');
}

function refusedOperator({ field, op }: Condition, allowed: string) {
  return invalidInput('op', op, `Unimplemented operator for ${shown(field)}. Possible: ${allowed}`);
}

function operandOf(condition: Condition): MetadataOperand {
  const { value, type } = condition;
  if (type === undefined) return literal(value);
  const operand = converted(value, type);
  if (operand === undefined)
    throw badRequest(`Unable to convert the value ${shown(value)} to the expected data type ${type}.`);
  return operand;
}

const wholeNumber = /^\s*[+-]?\d+\s*$/;
const anyNumber = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\s*$/;

function converted(value: string, type: (typeof types)[number]): MetadataOperand | undefined {
  switch (type) {
    case 'string':
      return { type, value };
    case 'integer':
      return wholeNumber.test(value) ? { type, value: bigintOf(value) } : undefined;
    case 'float':
      return anyNumber.test(value) ? { type, value: Number(value) } : undefined;
    case 'boolean': {
      const truth = truthOf(value);
      return truth === undefined ? undefined : { type, value: truth };
    }
    case 'datetime':
      return { type, value: timeOf(value) };
  }
}

/** A value without a type has the type of the same Python literal; otherwise it is text. */
function literal(text: string): MetadataOperand {
  if (wholeNumber.test(text)) return { type: 'integer', value: bigintOf(text) };
  if (anyNumber.test(text)) return { type: 'float', value: Number(text) };
  if (text === 'True' || text === 'False') return { type: 'boolean', value: text === 'True' };
  const [, single, double] = /^(?:'([^'\\]*)'|"([^"\\]*)")$/.exec(text) ?? [];
  return { type: 'string', value: single ?? double ?? text };
}

function bigintOf(text: string): bigint {
  return BigInt(text.trim().replace(/^\+/, ''));
}
