import { duration } from '@nephoscope/core/options';
import { withoutSecrets } from '@nephoscope/runtime';
import type { Configured, RawConfig } from '@nephoscope/runtime';
import type { z } from 'zod';

import { inputSchema } from './input-schema.js';
import type { Schema } from './input-schema.js';
import { wholeProgram } from './program.js';

type Values = Record<string, unknown>;

/**
 * A valid configuration written in full: given values unchanged, and defaults. Secrets are left out: `secrets`,
 * values of secret-sounding keys, passwords in URLs.
 */
export function effectiveConfig(raw: RawConfig, configured: Configured): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const [key, section] of Object.entries<z.ZodType>(wholeProgram.sections)) {
    const given = raw.values[key] ?? undefined;
    // Each daemon has a different default port.
    if (key === 'status' && given === undefined) continue;
    whole[key] = withDefaults(inputSchema(section), given, configured.config[key]);
  }
  for (const [key, { declared, plugin, options }] of Object.entries(configured.chosen)) {
    const { type: _, ...given } = (raw.values[key] ?? {}) as Values;
    whole[key] = { type: declared.name, ...(withDefaults(inputSchema(plugin.options), given, options) as Values) };
  }
  for (const [key, { active }] of Object.entries(configured.selected)) {
    const section = whole[key] as Record<string, Values>;
    const holder = wholeProgram.selected[key as keyof typeof wholeProgram.selected].options;
    for (const { declared, plugin, options } of active) {
      const filled = withDefaults(
        inputSchema(plugin.options),
        section[holder]?.[declared.name] ?? {},
        options,
      ) as Values;
      if (Object.keys(filled).length > 0) section[holder] = { ...section[holder], [declared.name]: filled };
    }
  }
  return withoutSecrets(whole) as Values;
}

/** @param effective the validated value, for defaults that the schema does not contain */
function withDefaults(schema: Schema, given: unknown, effective: unknown): unknown {
  const value = given ?? schema.default ?? asWritten(schema, effective);
  if (Array.isArray(value)) {
    const item = typeof schema.items === 'object' && !Array.isArray(schema.items) ? (schema.items as Schema) : {};
    return value.map((one: unknown, index) =>
      withDefaults(item, one, Array.isArray(effective) ? effective[index] : undefined),
    );
  }
  if (!isValues(value)) return value;
  const filled: Values = {};
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const one = withDefaults(property as Schema, value[key], isValues(effective) ? effective[key] : undefined);
    if (one !== undefined) filled[key] = one;
  }
  return { ...value, ...filled };
}

const durationTitle = inputSchema(duration()).title;

/**
 * Internally time spans are milliseconds; operators write bare numbers as seconds. Objects of classes have no other
 * form.
 */
function asWritten(schema: Schema, effective: unknown): unknown {
  if (typeof effective === 'number' && schema.title === durationTitle) return formatDuration(effective);
  return typeof effective === 'object' && !Array.isArray(effective) && !isValues(effective)
    ? undefined
    : effective;
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

function formatDuration(milliseconds: number): string {
  const [unit, size] = units.find(([, ms]) => milliseconds % ms === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}
