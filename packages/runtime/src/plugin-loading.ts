import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { apiVersion, asPlugin, describeError, NephoscopeError } from '@nephoscope/core';
import type { Namespace, Plugin } from '@nephoscope/core';
import { resolve } from 'import-meta-resolve';

import { origin } from './plugin-discovery.js';
import type { DeclaredPlugin } from './plugin-discovery.js';

const importDeadline = 10_000;

/** Node's message when a name or path is imported that the installed version of core does not export. */
const otherCore =
  /'@nephoscope\/core(\/[\w-]+)?' does not provide an export|is not defined by "exports" in .*@nephoscope\/core\/package\.json/;

/**
 * Imports a declared plugin and checks that it matches its declaration.
 *
 * @throws PLUGIN_IMPORT if its code cannot be loaded, or not within 10 s; PLUGIN_INVALID, PLUGIN_API as `asPlugin`
 *   does
 */
export async function loadPlugin<N extends Namespace>(
  declared: DeclaredPlugin & { readonly namespace: N },
): Promise<Plugin<N>> {
  const what = `the plugin '${declared.name}' (${declared.namespace}) of ${origin(declared)}`;
  let module: { readonly default?: unknown };
  let timer: NodeJS.Timeout | undefined;
  // A module with a top-level await that never settles would block the whole program.
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`it was not loaded after ${importDeadline / 1_000} s`)),
      importDeadline,
    );
  });
  try {
    // By the package's name, so that its `exports` apply, as for any importer.
    const specifier = declared.packageName + declared.export.slice(1);
    const parent = pathToFileURL(join(declared.packageDirectory, 'package.json')).href;
    module = (await Promise.race([import(resolve(specifier, parent)), overdue])) as typeof module;
  } catch (error) {
    if (otherCore.test(describeError(error)))
      throw new NephoscopeError(
        'PLUGIN_API',
        `${what} was made for another version of @nephoscope/core than this program, which has plugin API ${apiVersion}: install matching versions`,
        { cause: error },
      );
    throw new NephoscopeError(
      'PLUGIN_IMPORT',
      `${what} cannot be imported; fix or uninstall it, or disable it by name`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
  return asPlugin(module.default, declared.namespace, what);
}
