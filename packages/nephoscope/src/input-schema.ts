import { z } from 'zod';

export type Schema = z.core.JSONSchema.BaseSchema;

/** The JSON Schema of what an operator may write. What it cannot express is allowed. */
export function inputSchema(type: z.ZodType): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' });
  return schema;
}
