import { describeError } from '@nephoscope/core';
import {
  compareCodePoints,
  compareDecimals,
  JsonNumber,
  formatJson,
  isJsonObject,
  parseJson,
  valueAt,
} from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';
import type { Sample, SampleFilter, Scope } from '@nephoscope/core/sample-store';

import { badRequest, Fault, shown } from './fault.js';
import { metadataOf } from './metadata.js';
import { refuseOtherProject } from './other-project.js';
import { regularExpression } from './regular-expression.js';
import { timeOf } from './times.js';

/** Undefined if unknown: the sample has no such value, or one of another type. */
type Truth = boolean | undefined;
type Value = string | JsonNumber | boolean | bigint;

/** A filter of `POST /v2/query/samples`. */
export interface ComplexFilter {
  /** Whether the sample satisfies the whole filter. */
  holds(sample: Sample): boolean;
  /** The part that a store can apply: it may match more samples, never fewer. */
  readonly narrowed: Omit<SampleFilter, 'scope'>;
}

const fields: Readonly<Record<string, (sample: Sample) => Value | null>> = {
  counter_name: ({ meter }) => meter,
  counter_type: ({ type }) => type,
  counter_unit: ({ unit }) => unit,
  counter_volume: ({ volume }) => new JsonNumber(volume),
  user_id: ({ userId }) => userId,
  project_id: ({ projectId }) => projectId,
  resource_id: ({ resourceId }) => resourceId,
  source: ({ source }) => source,
  timestamp: ({ timestamp }) => timestamp,
  recorded_at: () => null,
  message_id: ({ messageId }) => messageId,
  message_signature: ({ text }) => {
    const message = parseJson(text);
    const signature = isJsonObject(message) ? message.get('message_signature') : undefined;
    return typeof signature === 'string' ? signature : null;
  },
};

const shortNames: Readonly<Record<string, string>> = {
  user: 'user_id',
  project: 'project_id',
  resource: 'resource_id',
  meter: 'counter_name',
  type: 'counter_type',
  unit: 'counter_unit',
  volume: 'counter_volume',
};

/** The fields that a store can filter by. */
const lists = {
  counter_name: 'meters',
  user_id: 'users',
  project_id: 'projects',
  resource_id: 'resources',
  source: 'sources',
} as const;

/** The value of a sample's field, by its long or short name. Undefined for an unknown field. */
export function fieldNamed(name: string): ((sample: Sample) => Value | null) | undefined {
  const whole = wholeName(name);
  return Object.hasOwn(fields, whole) ? fields[whole] : undefined;
}

function wholeName(name: string): string {
  return Object.hasOwn(shortNames, name) ? (shortNames[name] as string) : name;
}

/** @throws 400; 401 if it names a project other than that of the scope, anywhere */
export function complexFilter(text: string, scope: Scope): ComplexFilter {
  let json: JsonValue;
  try {
    json = parseJson(text);
  } catch (error) {
    throw invalid(describeError(error));
  }
  const truth = compiled(json, scope);
  return { holds: (sample) => truth(sample) === true, narrowed: narrowing(json) };
}

function compiled(json: JsonValue, scope: Scope): (sample: Sample) => Truth {
  const [operator, operand] = only(json, 'an operator');
  switch (operator.toLowerCase()) {
    case 'and':
    case 'or': {
      if (!Array.isArray(operand) || operand.length < 2)
        throw invalid(`'${operator}' takes an array of two filters or more`);
      const parts = (operand as readonly JsonValue[]).map((one) => compiled(one, scope));
      const decides = operator.toLowerCase() === 'or';
      return (sample) => {
        let truth: Truth = !decides;
        for (const part of parts) {
          const one = part(sample);
          if (one === decides) return decides;
          if (one === undefined) truth = undefined;
        }
        return truth;
      };
    }
    case 'not': {
      const part = compiled(operand, scope);
      return (sample) => {
        const truth = part(sample);
        return truth === undefined ? undefined : !truth;
      };
    }
    default:
      return comparison(operator.toLowerCase(), operand, scope);
  }
}

const tests: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '>': (order) => order > 0,
  '<=': (order) => order <= 0,
  '=<': (order) => order <= 0,
  '>=': (order) => order >= 0,
  '=>': (order) => order >= 0,
};

function comparison(operator: string, operand: JsonValue, scope: Scope): (sample: Sample) => Truth {
  const [name, json] = only(operand, 'a field');
  const valueOf = readerOf(name);
  const convert = (one: JsonValue) => {
    const value = converted(name, one);
    if (wholeName(name) === 'project_id') refuseOtherProject(scope, textOf(value));
    return value;
  };
  if (operator === '=~') {
    if (typeof json !== 'string') throw invalid("'=~' takes a text");
    if (wholeName(name) === 'project_id') refuseOtherProject(scope, json);
    const matches = regularExpression(json);
    return (sample) => {
      const value = valueOf(sample);
      return typeof value === 'string' ? matches(value) : undefined;
    };
  }
  if (operator === 'in') {
    if (!Array.isArray(json) || json.length === 0) throw invalid("'in' takes an array of texts or numbers");
    const wanted = (json as readonly JsonValue[]).map(convert);
    return (sample) => {
      const orders = wanted.map((one) => compare(valueOf(sample), one));
      return orders.includes(0) ? true : orders.every((order) => order === undefined) ? undefined : false;
    };
  }
  const test = Object.hasOwn(tests, operator) ? tests[operator] : undefined;
  if (test === undefined) throw invalid(`there is no operator '${shown(operator)}'`);
  const wanted = convert(json);
  return (sample) => {
    const order = compare(valueOf(sample), wanted);
    return order === undefined ? undefined : test(order);
  };
}

function readerOf(name: string): (sample: Sample) => Value | null {
  const key = /^(?:resource_)?metadata\.(.+)$/s.exec(name)?.[1];
  if (key !== undefined)
    return ({ text }) => {
      const value = valueAt(metadataOf(text), key);
      return value instanceof JsonNumber || typeof value === 'string' || typeof value === 'boolean' ? value : null;
    };
  const field = fieldNamed(name);
  if (field === undefined) throw invalid(`there is no field '${shown(name)}'`);
  return field;
}

function converted(name: string, json: JsonValue): Value {
  if (name === 'timestamp' || name === 'recorded_at') {
    try {
      return timeOf(typeof json === 'string' ? json : '');
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const value = shown(formatJson(json));
      throw badRequest(
        `Failed to parse the timestamp value ${value}: a text such as "2026-10-01T12:00:00" is expected`,
      );
    }
  }
  if (json instanceof JsonNumber || typeof json === 'string' || typeof json === 'boolean') return json;
  throw invalid(`a value of '${shown(name)}' is a text, a number, true or false`);
}

function textOf(value: Value): string {
  return value instanceof JsonNumber ? value.text : String(value);
}

/** Compares numbers exactly. Undefined if the types differ. */
export function compare(value: Value | null, wanted: Value): number | undefined {
  if (typeof value === 'string' && typeof wanted === 'string') return compareCodePoints(value, wanted);
  if (value instanceof JsonNumber && wanted instanceof JsonNumber) return compareDecimals(value.text, wanted.text);
  if (value === null || typeof value !== typeof wanted) return undefined;
  return value < wanted ? -1 : value > wanted ? 1 : 0;
}

/** Conditions of the filter itself, or of its parts if it is an `and`. */
function narrowing(json: JsonValue): Omit<SampleFilter, 'scope'> {
  const [operator, operand] = only(json, 'an operator');
  if (operator.toLowerCase() === 'and')
    return Object.assign({}, ...(operand as readonly JsonValue[]).map(narrowing)) as Omit<SampleFilter, 'scope'>;
  if (['or', 'not'].includes(operator.toLowerCase())) return {};
  const [name, value] = only(operand, 'a field');
  const field = wholeName(name);
  if (operator === '=' && typeof value === 'string' && Object.hasOwn(lists, field))
    return { [lists[field as keyof typeof lists]]: [value] };
  if (field !== 'timestamp' || typeof value !== 'string') return {};
  if (['>', '>=', '=>'].includes(operator)) return { start: timeOf(value) };
  return ['<', '<=', '=<'].includes(operator) ? { end: timeOf(value) + 1n } : {};
}

function only(json: JsonValue, what: string): readonly [string, JsonValue] {
  const [entry, ...others] = isJsonObject(json) ? json : [];
  if (entry === undefined || others.length > 0)
    throw invalid(`an object with ${what} as its only key is expected`);
  return entry;
}

function invalid(reason: string): Fault {
  return badRequest(`Filter expression not valid: ${reason}`);
}
