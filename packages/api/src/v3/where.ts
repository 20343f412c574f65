import type { MetadataCondition, MetadataOperand } from '@nephoscope/core/sample-store';
import { z } from 'zod';

const operators = { '=': 'eq', '!=': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' } as const;
const form = /^([^=!<>]+)(!=|<=|>=|=|<|>)(.*)$/s;
const integer = /^-?(?:0|[1-9]\d*)$/;
const decimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;

/** A condition on metadata, such as `flavor.name=m1.small`. */
export const condition = z
  .string()
  .max(10_000)
  .transform((text, context): MetadataCondition => {
    const [, key = '', operator = '', value = ''] = form.exec(text) ?? [];
    if (key === '') {
      context.addIssue({
        code: 'custom',
        message: 'a condition is a key of the metadata, one of = != < <= > >=, and a value: flavor.name=m1.small',
      });
      return z.NEVER;
    }
    return { key, operator: operators[operator as keyof typeof operators], operand: operandOf(value) };
  });

/** Numbers, `true` and `false` are compared as such, texts in double quotes and all others as texts. */
function operandOf(text: string): MetadataOperand {
  if (text === 'true' || text === 'false') return { type: 'boolean', value: text === 'true' };
  if (integer.test(text)) return { type: 'integer', value: BigInt(text) };
  if (decimal.test(text)) return { type: 'float', value: Number(text) };
  if (!text.startsWith('"')) return { type: 'string', value: text };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'string') return { type: 'string', value };
  } catch {
    // It is the text itself.
  }
  return { type: 'string', value: text };
}
