import type { Metadata } from '@nephoscope/core';
import type { Instance } from '@nephoscope/core/instance';
import { wildcards } from '@nephoscope/core/options';
import { z } from 'zod';

const rule = z
  .strictObject({
    name: z.string().optional().describe("Its display name or the hypervisor's name; `*` matches any text."),
    project: z.string().optional().describe('The id of its project; `*` matches any text.'),
    metadata: z
      .record(z.string(), z.string())
      .optional()
      .describe('Values of its resource metadata by key; `*` matches any text.'),
  })
  .refine((conditions) => Object.keys(conditions).length > 0, 'give name, project or metadata');

export const instanceFilterOptions = z
  .strictObject({
    include: z
      .array(rule)
      .optional()
      .describe('Only instances that match one of these; all conditions of a rule must hold.'),
    exclude: z.array(rule).default([]).describe('Instances that match one of these are not metered.'),
  })
  .prefault({});

type Rule = z.output<typeof rule>;
export type InstanceFilterOptions = z.output<typeof instanceFilterOptions>;

/** Selects the instances that are metered. */
export function instanceFilter(
  { include, exclude }: InstanceFilterOptions,
  metadataOf: (instance: Instance) => Metadata,
): (instance: Instance) => boolean {
  const matcherOf = (one: Rule) => matcher(one, metadataOf);
  const included = include?.map(matcherOf);
  const excluded = exclude.map(matcherOf);
  return (instance) =>
    (included === undefined || included.some((matches) => matches(instance))) &&
    !excluded.some((matches) => matches(instance));
}

function matcher(
  { name, project, metadata }: Rule,
  metadataOf: (instance: Instance) => Metadata,
): (instance: Instance) => boolean {
  const conditions: ((instance: Instance) => boolean)[] = [];
  if (name !== undefined) {
    const matches = wildcards([name]);
    conditions.push((instance) => matches(instance.displayName) || matches(instance.name));
  }
  if (project !== undefined) {
    const matches = wildcards([project]);
    conditions.push((instance) => instance.projectId !== null && matches(instance.projectId));
  }
  for (const [key, pattern] of Object.entries(metadata ?? {})) {
    const matches = wildcards([pattern]);
    conditions.push((instance) => {
      const value = metadataOf(instance)[key];
      return value !== undefined && value !== null && matches(String(value));
    });
  }
  return (instance) => conditions.every((holds) => holds(instance));
}
