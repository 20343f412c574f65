import { hostname } from 'node:os';

import type { Namespace } from '@nephoscope/core';
import { z } from 'zod';

import type { RawConfig } from './config-file.js';
import { check, ConfigInvalid, formatProblem } from './config-problems.js';
import type { ConfigProblem } from './config-problem.js';
import { logLevels } from './logging.js';
import { discoverPlugins } from './plugin-discovery.js';
import type { DeclaredPlugin } from './plugin-discovery.js';
import { choosePlugin, selectPlugins } from './plugin-selection.js';
import type { ActivePlugin, InactivePlugin, Selection } from './plugin-selection.js';
import { isOurs } from './plugin-code.js';
import { isGuarded } from './process-guard.js';
import { exposedKeys } from './secret-values.js';
import { knownServices, serviceOptions } from './service-options.js';
import { sharedSecret } from './shared-secret.js';

/** What every program's configuration has. */
export const commonSections = {
  secrets: z
    .union([sharedSecret.transform((one) => [one]), z.array(sharedSecret).min(1, 'give at least one')])
    .describe(
      'Shared secrets that metering messages are signed with: the first signs, all verify, so that they can be changed one program at a time. A placeholder is refused.',
    ),
  source: z.string().min(1).default('openstack').describe('Names the cloud in every sample.'),
  host: z
    .string()
    .min(1)
    .default(hostname)
    .describe("The name of this host as the cloud knows it. Default: the machine's host name."),
  log: z
    .strictObject({ level: z.enum(logLevels).default('info').describe('Lowest level that is written.') })
    .prefault({})
    .describe('JSON lines on standard error.'),
  services: serviceOptions
    .prefault({})
    .describe('Settings of the cloud’s services that differ from the defaults, by service.'),
};

/** A section that names a plugin by `type` and contains that plugin's options. */
export const pluginSection = (defaultType: string, description: string) =>
  z
    .looseObject({ type: z.string().default(defaultType).describe('The name of the plugin.') })
    .prefault({})
    .describe(description);

export const busSection = pluginSection('amqp', 'The message bus.');

/** Options that leave plugins of a namespace in or out. */
export const selectionOptions = (what: string) => ({
  enabled: z.array(z.string()).optional().describe(`Names of ${what}: if set, no others run.`),
  disabled: z
    .array(z.string())
    .default([])
    .describe(`Names of ${what} that do not run; their code is not loaded.`),
});

/** The plugin settings of a section, despite other mistakes in it, which must not hide those of plugins. */
function selectionIn(section: unknown, optionsKey: string): Selection {
  const given = z.record(z.string(), z.unknown()).catch({}).parse(section);
  const names = z.array(z.string()).optional().catch(undefined);
  return {
    enabled: names.parse(given['enabled']),
    disabled: names.parse(given['disabled']) ?? [],
    options: z.record(z.string(), z.unknown()).catch({}).parse(given[optionsKey]),
  };
}

/** A section whose plugins are all that are installed, less those that it leaves out. */
export interface SelectedSection {
  readonly namespace: Namespace;
  /** The key of the section that holds the options of its plugins, by their name. */
  readonly options: string;
}

/** What a program is made of, before any configuration. */
export interface ProgramDefinition<Shape extends z.ZodRawShape = z.ZodRawShape> {
  /** The command. */
  readonly name: string;
  /** The folder of its package.json. */
  readonly directory: string;
  readonly sections: Shape;
  /** Sections made by {@link pluginSection}, and the namespace of the plugin. */
  readonly chosen: Readonly<Record<string, Namespace>>;
  /** Whether a configuration needs the plugin of a section of `chosen`; by default it needs all. */
  readonly isNeeded?: (section: string, config: z.output<z.ZodObject<Shape>>) => boolean;
  /** Sections with {@link selectionOptions}. */
  readonly selected: Readonly<Record<string, SelectedSection>>;
  /** The file of plugins that ended the program, for programs with a state directory. */
  readonly note?: (config: z.output<z.ZodObject<Shape>>) => string;
}

/**
 * All keys of the file, whichever program or command reads it: one file serves all programs of a host, and each checks
 * its own sections and leaves the others be.
 */
export const sectionsOfFile = [
  ...Object.keys(commonSections),
  'api',
  'bus',
  'central',
  'collector',
  'compute',
  'inspector',
  'notifications',
  'openstack',
  'status',
  'storage',
];
const ofOthers = Object.fromEntries(sectionsOfFile.map((key) => [key, z.unknown().optional()]));

/**
 * Rows of services without a plugin. Not checked while third-party plugins are disabled, because their code is not
 * loaded.
 */
function strangeServices(
  given: unknown,
  { active, inactive }: { readonly active: readonly ActivePlugin[]; readonly inactive: readonly InactivePlugin[] },
): readonly ConfigProblem[] {
  if (inactive.some(({ declared }) => !isOurs(declared.packageName))) return [];
  const known = [...new Set([...knownServices, ...active.flatMap(({ plugin }) => plugin.service ?? [])])];
  return Object.keys(z.record(z.string(), z.unknown()).catch({}).parse(given))
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: ['services', name],
      message: `no installed plugin is for a service of this name; there are ${known.join(', ')}`,
    }));
}

export interface Configured<Shape extends z.ZodRawShape = z.ZodRawShape> {
  readonly config: z.output<z.ZodObject<Shape>>;
  /** Warnings about a working configuration: for the log and for `config check`. */
  readonly warnings: readonly string[];
  readonly declared: readonly DeclaredPlugin[];
  readonly chosen: Readonly<Record<string, ActivePlugin>>;
  readonly selected: Readonly<
    Record<string, { readonly active: readonly ActivePlugin[]; readonly inactive: readonly InactivePlugin[] }>
  >;
}

/**
 * Checks a configuration against the program's own sections and its plugins' schemas.
 *
 * @throws CONFIG_INVALID with all mistakes; the errors of discovery and of importing a required plugin
 */
export async function configure<Shape extends z.ZodRawShape>(
  program: ProgramDefinition<Shape>,
  raw: RawConfig,
  declared: readonly DeclaredPlugin[] = discoverPlugins(program.directory),
): Promise<Configured<Shape>> {
  // A section whose keys are all commented out counts as absent.
  const wholeFile = z.strictObject({ ...ofOthers, ...program.sections });
  const given = Object.fromEntries(
    Object.entries(raw.values).filter(([key, value]) => value !== null || !Object.hasOwn(wholeFile.shape, key)),
  );
  const parsed = check(wholeFile, given);
  const problems: ConfigProblem[] = parsed.ok ? [] : [...parsed.problems];
  const outdated: ConfigProblem[] = parsed.ok ? [...parsed.warnings] : [];

  const chosen: Record<string, ActivePlugin> = {};
  for (const [key, namespace] of Object.entries(program.chosen)) {
    if (parsed.ok && program.isNeeded?.(key, parsed.data as never) === false) continue;
    // Parsed separately: a mistake elsewhere must not hide those of this section.
    const section = (program.sections[key] as ReturnType<typeof pluginSection>).safeParse(given[key]);
    if (!section.success) continue;
    const result = await choosePlugin(declared, namespace, section.data, [key]);
    problems.push(...result.problems);
    outdated.push(...result.warnings);
    if (result.active !== undefined) chosen[key] = result.active;
  }

  // A check of the configuration suspends no plugin.
  const note = parsed.ok && isGuarded() ? program.note?.(parsed.data as never) : undefined;
  const selected: Record<string, Awaited<ReturnType<typeof selectPlugins>>> = {};
  for (const [key, { namespace, options }] of Object.entries(program.selected)) {
    const paths = { enabled: [key, 'enabled'], disabled: [key, 'disabled'], options: [key, options] };
    const result = await selectPlugins(declared, namespace, selectionIn(given[key], options), paths, note);
    problems.push(...result.problems);
    outdated.push(...result.warnings);
    selected[key] = result;
    if (namespace === 'collector') problems.push(...strangeServices(given['services'], result));
  }

  if (!parsed.ok || problems.length > 0) throw new ConfigInvalid(raw, problems);
  const config = Object.fromEntries(
    Object.entries(parsed.data).filter(([key]) => Object.hasOwn(program.sections, key)),
  );
  const own = Object.fromEntries(Object.entries(given).filter(([key]) => Object.hasOwn(program.sections, key)));
  const warnings = [
    ...raw.warnings,
    ...outdated.map((one) => formatProblem(raw, one)),
    ...(await exposedKeys(own)),
  ];
  return { config: config as z.output<z.ZodObject<Shape>>, warnings, declared, chosen, selected };
}
