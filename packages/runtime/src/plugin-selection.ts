import { isNephoscopeError, meterStem, NephoscopeError } from '@nephoscope/core';
import type { Namespace, Plugin, PluginSettings } from '@nephoscope/core';
import type { SampleReader, SampleStorePlugin } from '@nephoscope/core/sample-store';

import { blockingPlugins, describeTimes } from './blocking-plugins.js';
import type { Suspension } from './blocking-plugins.js';
import { check, formatPath } from './config-problems.js';
import type { ConfigProblem } from './config-problem.js';
import type { DeclaredPlugin } from './plugin-discovery.js';
import { attributeTo, isOurs, knowPluginFolder } from './plugin-code.js';
import { loadPlugin } from './plugin-loading.js';
import { checkProduct } from './plugin-product.js';
import { isGuarded } from './process-guard.js';
import { systemClock } from './system-clock.js';
import { watchImport } from './watchdog.js';

/** A plugin that will run, with the operator's options for it. */
export interface ActivePlugin<N extends Namespace = Namespace> {
  readonly declared: DeclaredPlugin;
  readonly plugin: Plugin<N>;
  readonly options: unknown;
}

/** A plugin that is installed but does not run. `failure` is set unless the operator disabled it. */
export interface InactivePlugin {
  readonly declared: DeclaredPlugin;
  readonly reason: string;
  readonly failure?: unknown;
}

export interface Selection {
  readonly enabled?: readonly string[] | undefined;
  readonly disabled: readonly string[];
  /** Options of plugins by their name. */
  readonly options: Readonly<Record<string, unknown>>;
}

type Path = readonly PropertyKey[];

/**
 * The plugin that a section selects by its `type`; the section's other keys are its options.
 * Without a plugin, `problems` gives the reason.
 */
export async function choosePlugin<N extends Namespace>(
  all: readonly DeclaredPlugin[],
  namespace: N,
  section: { readonly type: string },
  path: Path,
): Promise<{
  readonly active?: ActivePlugin<N>;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}> {
  const candidates = inNamespace(all, namespace);
  const declared = candidates.find(({ name }) => name === section.type);
  if (declared === undefined) {
    const names = candidates.map(({ name }) => `'${name}'`).join(', ') || 'none';
    const message = `no plugin '${section.type}' is installed for '${namespace}' (installed: ${names}); install its package beside this program`;
    return { problems: [{ path: [...path, 'type'], message }], warnings: [] };
  }
  const plugin = await loadPlugin(declared);
  const { type: _, ...given } = section;
  const options = check(plugin.options, given, path);
  if (!options.ok) return { problems: options.problems, warnings: [] };
  return { active: { declared, plugin, options: options.data }, problems: [], warnings: options.warnings };
}

/**
 * Every plugin of a namespace except those that the operator excluded, whose code is not imported.
 * A plugin that cannot be imported is returned as inactive with its failure, and affects no other. One that loops during its import
 * ends the program; this is recorded, and for some time the plugin is not imported at a start.
 *
 * @param note the file with the plugins that ended the program, if any
 */
export async function selectPlugins<N extends Namespace>(
  all: readonly DeclaredPlugin[],
  namespace: N,
  selection: Selection,
  paths: { readonly enabled: Path; readonly disabled: Path; readonly options: Path },
  note?: string,
): Promise<{
  readonly active: readonly ActivePlugin<N>[];
  readonly inactive: readonly InactivePlugin[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}> {
  const candidates = inNamespace(all, namespace);
  const names = new Set(candidates.map(({ name }) => name));
  const known = [...names].join(', ') || 'none';
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const checkName = (name: string, path: Path) => {
    if (!names.has(name))
      problems.push({
        path,
        message: `no plugin '${name}' is installed for '${namespace}' (installed: ${known})`,
      });
  };
  selection.enabled?.forEach((name, index) => checkName(name, [...paths.enabled, index]));
  selection.disabled.forEach((name, index) => checkName(name, [...paths.disabled, index]));
  for (const name of Object.keys(selection.options)) checkName(name, [...paths.options, name]);

  const blocking = blockingPlugins(note, systemClock);
  const active: ActivePlugin<N>[] = [];
  const inactive: InactivePlugin[] = [];
  for (const declared of candidates) {
    if (selection.disabled.includes(declared.name)) {
      inactive.push({ declared, reason: `disabled in the configuration (${formatPath(paths.disabled)})` });
    } else if (selection.enabled !== undefined && !selection.enabled.includes(declared.name)) {
      inactive.push({
        declared,
        reason: `not enabled in the configuration (${formatPath(paths.enabled)})`,
      });
    } else {
      try {
        const plugin = isOurs(declared.packageName)
          ? await loadPlugin(declared)
          : await loadThirdParty(declared, blocking(declared.name), note);
        const options = check(plugin.options, selection.options[declared.name] ?? {}, [
          ...paths.options,
          declared.name,
        ]);
        if (options.ok) {
          active.push({ declared, plugin, options: options.data });
          warnings.push(...options.warnings);
        } else problems.push(...options.problems);
      } catch (error) {
        if (!isNephoscopeError(error)) throw error;
        inactive.push({ declared, reason: error.message, failure: error });
      }
    }
  }
  problems.push(...sharedMeters(active, paths.disabled));
  return { active, inactive, problems, warnings };
}

/** @throws what {@link loadPlugin} throws, and PLUGIN_BLOCKED while the plugin is suspended */
async function loadThirdParty<N extends Namespace>(
  declared: DeclaredPlugin & { readonly namespace: N },
  suspended: Suspension | undefined,
  note: string | undefined,
): Promise<Plugin<N>> {
  const { name, packageDirectory } = declared;
  if (suspended?.whileImported === true)
    throw new NephoscopeError(
      'PLUGIN_BLOCKED',
      `it blocked the program during its import (${describeTimes(suspended)}), the program had to be ended, and it is not imported at a start for some time: fix or uninstall it, or disable it by name`,
    );
  knowPluginFolder(name, packageDirectory);
  const imported = isGuarded() ? watchImport(name, packageDirectory, note) : () => undefined;
  return attributeTo(name, () => loadPlugin(declared)).finally(imported);
}

/** Two plugins with the same meter would share one series, in which each value of one looks like a restart of the other. */
function sharedMeters(active: readonly ActivePlugin[], disabled: Path): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const owners = new Map<string, string>();
  for (const { declared, plugin } of active)
    for (const { name } of plugin.meters) {
      const owner = owners.get(meterStem(name));
      if (owner === undefined) owners.set(meterStem(name), declared.name);
      else
        problems.push({
          path: disabled,
          message: `the plugins '${owner}' and '${declared.name}' both declare the meter '${name}': disable one of them`,
        });
    }
  return problems;
}

/**
 * Creates the product of an active plugin.
 *
 * @throws PLUGIN_INVALID if it is not what a plugin of this kind must create
 */
export function createPlugin<Product>(
  active: ActivePlugin | undefined,
  settings: Omit<PluginSettings<unknown>, 'options'>,
): Product {
  const { plugin, options, declared } = needed(active);
  const product = plugin.create({ ...settings, options });
  checkProduct(product, declared.namespace);
  return product as Product;
}

/** Creates the reader of a store's plugin, with the same options. @throws as {@link createPlugin} */
export function createReader(
  active: ActivePlugin | undefined,
  settings: Omit<PluginSettings<unknown>, 'options'>,
): SampleReader {
  const { plugin, options } = needed(active);
  const reader = (plugin as SampleStorePlugin).createReader({ ...settings, options });
  checkProduct(reader, 'reader');
  return reader;
}

function needed(active: ActivePlugin | undefined): ActivePlugin {
  if (active === undefined) throw new TypeError('a section with a plugin has one after configure()');
  return active;
}

function inNamespace<N extends Namespace>(
  all: readonly DeclaredPlugin[],
  namespace: N,
): (DeclaredPlugin & { readonly namespace: N })[] {
  return all.filter(
    (declared): declared is DeclaredPlugin & { readonly namespace: N } => declared.namespace === namespace,
  );
}
