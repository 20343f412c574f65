import { isTimestamp, parseTimestamp } from '@nephoscope/core';
import type { MetadataCondition, MetadataOperand } from '@nephoscope/core/sample-store';
import { JsonNumber, compareDecimals, isJsonObject, parseJson, valueAt } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

import { orderOf } from './order-of.js';
import { byText } from './text-order.js';

/** The number of texts whose results are cached, because many samples share one. */
const remembered = 2_000;

/**
 * Tests whether metadata texts satisfy conditions. It is the same for all databases, because their own JSON functions round
 * numbers or reject some texts.
 */
export function metadataMatcher(
  conditions: readonly MetadataCondition[] = [],
): ((text: string | null) => boolean) | undefined {
  if (conditions.length === 0) return undefined;
  const known = new Map<string, boolean>();
  return (text) => {
    if (text === null) return false;
    const before = known.get(text);
    if (before !== undefined) return before;
    const result = satisfies(parseJson(text), conditions);
    if (known.size === remembered) known.clear();
    known.set(text, result);
    return result;
  };
}

function satisfies(metadata: JsonValue, conditions: readonly MetadataCondition[]): boolean {
  return isJsonObject(metadata) && conditions.every((condition) => holds(metadata, condition));
}

function holds(metadata: JsonObject, condition: MetadataCondition): boolean {
  const value = valueAt(metadata, condition.key);
  if (value === undefined) return false;
  if (condition.operator === 'in') return condition.operands.some((operand) => compare(value, operand) === 0);
  const order = compare(value, condition.operand);
  if (order === undefined) return false;
  switch (condition.operator) {
    case 'eq':
      return order === 0;
    case 'ne':
      return order !== 0;
    case 'lt':
      return order < 0;
    case 'le':
      return order <= 0;
    case 'gt':
      return order > 0;
    case 'ge':
      return order >= 0;
  }
}

/** Undefined if the types differ. */
function compare(value: JsonValue, operand: MetadataOperand): -1 | 0 | 1 | undefined {
  switch (operand.type) {
    case 'string':
      return typeof value === 'string' ? byText(value, operand.value) : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? orderOf(Number(value), Number(operand.value)) : undefined;
    case 'datetime':
      return isTimestamp(value) ? orderOf(parseTimestamp(value), operand.value) : undefined;
    case 'integer':
    case 'float':
      return value instanceof JsonNumber && isFinite(operand.value)
        ? compareDecimals(value.text, String(operand.value))
        : undefined;
  }
}

function isFinite(value: number | bigint): boolean {
  return typeof value === 'bigint' || Number.isFinite(value);
}
