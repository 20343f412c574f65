import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Namespace } from '@nephoscope/core';
import { loadPlugin } from '@nephoscope/runtime';
import type { DeclaredPlugin, SelectedSection } from '@nephoscope/runtime';
import type { z } from 'zod';

import { inputSchema } from './input-schema.js';
import type { Schema } from './input-schema.js';
import { wholeProgram } from './program.js';

/**
 * The JSON Schema of the whole configuration with the options of every installed plugin.
 *
 * @param failed called for each plugin whose options cannot be loaded, with the reason
 */
export async function configSchema(
  declared: readonly DeclaredPlugin[],
  failed: (plugin: DeclaredPlugin, reason: string) => void,
): Promise<Schema> {
  const properties: Record<string, Schema> = {};
  for (const [key, section] of Object.entries<z.ZodType>(wholeProgram.sections))
    properties[key] = inputSchema(section);
  // The name of this machine, and the port of one of several programs.
  delete properties['host']?.default;
  delete (properties['status']?.properties?.['port'] as Schema | undefined)?.default;

  const optionsOf = async (namespace: Namespace) => {
    const schemas = new Map<string, Schema>();
    for (const plugin of declared.filter((one) => one.namespace === namespace)) {
      try {
        schemas.set(plugin.name, inputSchema((await loadPlugin(plugin)).options));
      } catch (error) {
        if (!isNephoscopeError(error)) throw error;
        failed(plugin, describeError(error));
      }
    }
    return schemas;
  };
  for (const [key, namespace] of Object.entries<Namespace>(wholeProgram.chosen)) {
    properties[key] = chosenSchema(properties[key] ?? {}, await optionsOf(namespace));
  }
  for (const [key, { namespace, options }] of Object.entries<SelectedSection>(wholeProgram.selected)) {
    const pollsters = properties[key]?.properties?.[options] as Schema;
    pollsters.properties = Object.fromEntries(await optionsOf(namespace));
    pollsters.additionalProperties = false;
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Nephoscope',
    description: 'The configuration of all programs of a host.',
    type: 'object',
    properties,
    required: ['secrets'],
    // Sections of programs that are not installed here.
    additionalProperties: true,
  };
}

/** One schema per plugin, selected by `type`, which is optional for the default plugin. */
function chosenSchema(section: Schema, plugins: ReadonlyMap<string, Schema>): Schema {
  const type = section.properties?.['type'] as Schema;
  return {
    ...(section.description === undefined ? {} : { description: section.description }),
    anyOf: [...plugins].map(([name, options]) => ({
      ...options,
      properties: { type: { ...type, const: name }, ...options.properties },
      ...(name === type.default ? {} : { required: ['type', ...(options.required ?? [])] }),
    })),
  };
}
