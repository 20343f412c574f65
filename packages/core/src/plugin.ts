import { z } from 'zod';

import type { Clock } from './clock.js';
import { describeError, isNephoscopeError, NephoscopeError } from './errors.js';
import type { Inspector } from './inspector.js';
import type { Logger } from './logger.js';
import type { MessageBus } from './message-bus.js';
import { checkMeters } from './meter.js';
import type { Meter } from './meter.js';
import type { NotificationHandler } from './notification.js';
import { instanceParts } from './inspector.js';
import type { InstancePart } from './inspector.js';
import type { CentralPollster, ComputePollster } from './pollster.js';
import type { SampleReader } from './sample-reader.js';
import type { SampleStore } from './sample-store.js';
import type { ServiceSettings } from './service-settings.js';

/**
 * The version of the plugin contract. A program runs plugins of the same major version and of a minor version up to
 * its own.
 */
export const apiVersion = '4.0';

/** The kinds of plugins: the keys of `nephoscope` in a package.json. */
export type Namespace = 'poll.compute' | 'poll.central' | 'collector' | 'compute.virt' | 'storage' | 'bus';

/** What a program passes to a plugin. */
export interface PluginSettings<Options> {
  /** The operator's options, validated by the plugin's schema, with defaults filled in. */
  readonly options: Options;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The name of this host in the cloud. */
  readonly host: string;
  /** The operator's settings for the plugin's `service`. */
  readonly service?: ServiceSettings | undefined;
}

/**
 * Thrown by `create` of a plugin that has nothing to do here. The reason is shown to the operator; it is not an
 * error.
 */
export class PluginDeclined extends NephoscopeError {
  constructor(reason: string) {
    super('PLUGIN_DECLINED', reason);
  }
}

const brand = Symbol.for('nephoscope.plugin');

/**
 * The common part of all plugins. `options` is a strict zod object, so that unknown keys are reported as typing
 * errors.
 */
export interface Plugin<N extends Namespace = Namespace, Options = unknown, Product = unknown> {
  readonly [brand]: N;
  readonly apiVersion: string;
  readonly options: z.ZodType<Options>;
  /** The meters that it emits; empty for inspectors, stores and buses. */
  readonly meters: readonly Meter[];
  /** The cloud service that it reads; the plugin receives that row of the section `services`. */
  readonly service?: string | undefined;
  create(settings: PluginSettings<Options>): Product;
}

interface Definition<Options, Product> {
  /** Default: no options. */
  readonly options?: z.ZodType<Options>;
  /** For notification plugins and central pollsters: the service that they read, such as `cinder`. */
  readonly service?: string;
  create(settings: PluginSettings<Options>): Product;
}

function define<N extends Namespace, Options, Product>(
  namespace: N,
  definition: Definition<Options, Product> & { readonly meters?: readonly Meter[] },
): Plugin<N, Options, Product> {
  const meters = definition.meters ?? [];
  checkMeters(meters);
  checkCreate(definition);
  return Object.freeze({
    apiVersion,
    // A copy, so that the plugin cannot change the table after it was checked.
    meters: Object.freeze(meters.map((meter) => Object.freeze({ ...meter }))),
    // A plugin without a schema accepts no options and reports every key.
    options: definition.options ?? (z.strictObject({}) as unknown as z.ZodType<Options>),
    create: (settings: PluginSettings<Options>) => definition.create(settings),
    ...(definition.service !== undefined && { service: definition.service }),
    [brand]: namespace,
  });
}

/** A compute pollster plugin also declares the parts of an instance that it reads. */
export interface ComputePollsterPlugin<Options = unknown, P extends InstancePart = InstancePart> extends Plugin<
  'poll.compute',
  Options,
  ComputePollster<P>
> {
  readonly reads: readonly P[];
}

/**
 * Defines a pollster for the compute agent, called for each instance in each cycle in which all parts that it `reads`
 * were available.
 */
export function definePollster<const P extends InstancePart = never, Options = Record<string, never>>(
  definition: Definition<Options, ComputePollster<P>> & {
    readonly meters: readonly Meter[];
    readonly reads: readonly P[];
  },
): ComputePollsterPlugin<Options, P> {
  checkReads(definition.reads);
  return Object.freeze({
    ...define('poll.compute', definition),
    reads: Object.freeze([...new Set(definition.reads)]),
  });
}

/** Defines a pollster for the central agent, called once per cycle. */
export function defineCentralPollster<Options = Record<string, never>>(
  definition: Definition<Options, CentralPollster> & { readonly meters: readonly Meter[] },
): Plugin<'poll.central', Options, CentralPollster> {
  return define('poll.central', definition);
}

/** Defines a notification plugin for the collector. */
export function defineNotificationHandler<Options = Record<string, never>>(
  definition: Definition<Options, NotificationHandler> & { readonly meters: readonly Meter[] },
): Plugin<'collector', Options, NotificationHandler> {
  return define('collector', definition);
}

export function defineInspector<Options = Record<string, never>>(
  definition: Definition<Options, Inspector>,
): Plugin<'compute.virt', Options, Inspector> {
  return define('compute.virt', definition);
}

export function defineMessageBus<Options = Record<string, never>>(
  definition: Definition<Options, MessageBus>,
): Plugin<'bus', Options, MessageBus> {
  return define('bus', definition);
}

/** A plugin for samples has two products: the store that records, for a collector, and the reader. */
export interface SampleStorePlugin<Options = unknown> extends Plugin<'storage', Options, SampleStore> {
  /** Takes the same options as `create`, and so reads the same database. */
  createReader(settings: PluginSettings<Options>): SampleReader;
}

export function defineSampleStore<Options = Record<string, never>>(
  definition: Definition<Options, SampleStore> & {
    createReader(settings: PluginSettings<Options>): SampleReader;
  },
): SampleStorePlugin<Options> {
  checkCreateReader(definition);
  return Object.freeze({
    ...define('storage', definition),
    createReader: (settings: PluginSettings<Options>) => definition.createReader(settings),
  });
}

function checkCreate({ create }: { readonly create?: unknown }): void {
  if (typeof create !== 'function')
    throw new NephoscopeError('PLUGIN_INVALID', "the plugin has no function 'create'");
}

function checkCreateReader({ createReader }: { readonly createReader?: unknown }): void {
  if (typeof createReader !== 'function')
    throw new NephoscopeError(
      'PLUGIN_INVALID',
      "the plugin has no function 'createReader': a store that records has a reader beside it",
    );
}

function checkReads(reads: unknown): void {
  const known = instanceParts.map((part) => `'${part}'`).join(', ');
  if (!Array.isArray(reads))
    throw new NephoscopeError(
      'PLUGIN_INVALID',
      `'reads' of a pollster is a list of parts of an instance, of ${known}, or []`,
    );
  for (const part of reads as readonly unknown[])
    if (!instanceParts.some((one) => one === part))
      throw new NephoscopeError(
        'PLUGIN_INVALID',
        `the pollster reads '${describeError(part).slice(0, 60)}', which is not a part of an instance: there are ${known}`,
      );
}

/**
 * The plugin that a module exports as `default`, checked before any of its code is called.
 *
 * @param origin package, namespace and name, for the message
 * @throws PLUGIN_INVALID if it does not match its declaration, PLUGIN_API if it needs another version of the contract
 */
export function asPlugin<N extends Namespace>(value: unknown, namespace: N, origin: string): Plugin<N> {
  if (typeof value !== 'object' || value === null || !(brand in value)) {
    throw new NephoscopeError(
      'PLUGIN_INVALID',
      `${origin} exports no plugin: export the result of a define…() function of @nephoscope/core as default`,
    );
  }
  const plugin = value as Plugin;
  if (plugin[brand] !== namespace) {
    throw new NephoscopeError(
      'PLUGIN_INVALID',
      `${origin} is declared under '${namespace}' but is a plugin for '${plugin[brand]}'`,
    );
  }
  const [major, minor] = apiVersion.split('.').map(Number);
  const [itsMajor, itsMinor] = plugin.apiVersion.split('.').map(Number);
  if (itsMajor !== major || Number(itsMinor) > Number(minor)) {
    throw new NephoscopeError(
      'PLUGIN_API',
      `${origin} was made for plugin API ${plugin.apiVersion}, this program has ${apiVersion}: install matching versions`,
    );
  }
  // It may come from another copy of this package, or be written by hand.
  try {
    checkMeters(plugin.meters);
    checkCreate(plugin);
    if (namespace === 'poll.compute') checkReads((plugin as ComputePollsterPlugin).reads);
    if (namespace === 'storage') checkCreateReader(plugin as Partial<SampleStorePlugin>);
  } catch (error) {
    const code = isNephoscopeError(error) ? error.code : 'PLUGIN_INVALID';
    throw new NephoscopeError(code, `${origin} cannot be used: ${describeError(error)}`, { cause: error });
  }
  return plugin as Plugin<N>;
}
