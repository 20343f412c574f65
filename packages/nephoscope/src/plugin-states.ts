import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Namespace } from '@nephoscope/core';
import { createPlugin, loadPlugin, selectPlugins, systemClock } from '@nephoscope/runtime';
import type { DeclaredPlugin, RawConfig, SelectedSection } from '@nephoscope/runtime';

import { createPlainLogger } from './plain-log.js';
import { wholeProgram } from './program.js';

/** An installed plugin, whether it runs with this configuration, and why (not). */
export interface PluginState {
  readonly declared: DeclaredPlugin;
  readonly state: 'active' | 'inactive' | 'failed';
  readonly reason: string;
}

type Section = Readonly<Record<string, unknown>>;

/** The state of each installed plugin, whatever mistakes the rest of the configuration has. */
export async function pluginStates(
  declared: readonly DeclaredPlugin[],
  raw: RawConfig,
): Promise<readonly PluginState[]> {
  const states = new Map<DeclaredPlugin, PluginState>();
  const set = (plugin: DeclaredPlugin, state: PluginState['state'], reason: string) =>
    states.set(plugin, { declared: plugin, state, reason });

  for (const [key, namespace] of Object.entries<Namespace>(wholeProgram.chosen)) {
    const section = sectionOf(key, raw);
    for (const plugin of declared.filter((one) => one.namespace === namespace)) {
      if (section === undefined) set(plugin, 'inactive', `the section '${key}' is not valid`);
      else if (section['type'] === plugin.name) set(plugin, ...(await importResult(plugin, `${key}.type`)));
      else set(plugin, 'inactive', `not chosen: ${key}.type is '${String(section['type'])}'`);
    }
  }
  for (const [key, selected] of Object.entries<SelectedSection>(wholeProgram.selected)) {
    const section = sectionOf(key, raw);
    const those = declared.filter((one) => one.namespace === selected.namespace);
    if (section === undefined)
      for (const plugin of those) set(plugin, 'inactive', `the section '${key}' is not valid`);
    else await selectedStates(key, selected, section, those, set);
  }
  return declared.map(
    (plugin) =>
      states.get(plugin) ?? {
        declared: plugin,
        state: 'inactive',
        reason: `no program here takes plugins of '${plugin.namespace}'`,
      },
  );
}

function sectionOf(key: string, raw: RawConfig): Section | undefined {
  const parsed = wholeProgram.sections[key as keyof typeof wholeProgram.sections].safeParse(
    raw.values[key] ?? undefined,
  );
  return parsed.success ? (parsed.data as Section) : undefined;
}

async function importResult(plugin: DeclaredPlugin, chosenBy: string): Promise<[PluginState['state'], string]> {
  try {
    await loadPlugin(plugin);
    return ['active', `chosen by ${chosenBy}`];
  } catch (error) {
    if (!isNephoscopeError(error)) throw error;
    return ['failed', describeError(error)];
  }
}

async function selectedStates(
  key: string,
  { namespace, options }: SelectedSection,
  section: Section,
  those: readonly DeclaredPlugin[],
  set: (plugin: DeclaredPlugin, state: PluginState['state'], reason: string) => void,
): Promise<void> {
  const { enabled, disabled } = section as { enabled?: string[]; disabled: string[] };
  const given = section[options] as Readonly<Record<string, unknown>>;
  const paths = { enabled: [key, 'enabled'], disabled: [key, 'disabled'], options: [key, options] };
  const { active, inactive, problems } = await selectPlugins(
    those,
    namespace,
    { enabled, disabled, options: given },
    paths,
  );
  for (const { declared, reason, failure } of inactive)
    set(
      declared,
      failure === undefined ? 'inactive' : 'failed',
      failure === undefined ? reason : describeError(failure),
    );
  for (const one of active) {
    try {
      createPlugin(one, { logger: createPlainLogger('error'), clock: systemClock, host: 'localhost' });
      set(one.declared, 'active', enabled === undefined ? 'installed' : `enabled by ${key}.enabled`);
    } catch (error) {
      if (isNephoscopeError(error, 'PLUGIN_DECLINED')) set(one.declared, 'inactive', `declined: ${error.message}`);
      else set(one.declared, 'failed', describeError(error));
    }
  }
  for (const plugin of those) {
    const own = problems.filter(({ path }) => path[1] === options && path[2] === plugin.name);
    if (own.length > 0)
      set(
        plugin,
        'failed',
        own.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; '),
      );
  }
}
