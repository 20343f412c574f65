import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, ServiceSettings } from '@nephoscope/core';

import { blockingPlugins, describeTimes } from './blocking-plugins.js';
import type { Suspension } from './blocking-plugins.js';
import type { RootLogger } from './logging.js';
import { isOurs, knowPluginFolder, runPluginCode, trustPlugin } from './plugin-code.js';
import { pluginLogger } from './plugin-logger.js';
import { createPlugin } from './plugin-selection.js';
import type { ActivePlugin, InactivePlugin } from './plugin-selection.js';
import { isGuarded } from './process-guard.js';
import { watchOver } from './watchdog.js';

/**
 * Creates the products of the selected plugins of a section. A plugin that cannot be loaded or created affects no
 * other: its failure is logged and counted. One that declines is logged, and is not a failure.
 *
 * @param what the kind of plugin for the log, such as `pollster`
 * @param around `note`, for pollsters: the file with the plugins that ended the program. A suspended pollster is
 *   created at the first call of `getCounters`, and `make` receives its suspension.
 * @param make makes the result from the plugin's product; an error is the plugin's failure
 */
export function createSelected<Product, Made>(
  what: string,
  selected: { readonly active: readonly ActivePlugin[]; readonly inactive: readonly InactivePlugin[] } | undefined,
  around: {
    readonly logger: RootLogger;
    readonly clock: Clock;
    readonly host: string;
    /** The operator's settings of services; each plugin receives those of its own service. */
    readonly services?: Readonly<Record<string, ServiceSettings | undefined>>;
    readonly note?: string | undefined;
  },
  make: (product: Product, plugin: ActivePlugin, suspended: Suspension | undefined) => Made,
): { readonly made: readonly Made[]; readonly failedPlugins: number } {
  const { logger, clock, host, services = {}, note } = around;
  const blocking = blockingPlugins(note, clock, (error) =>
    logger.warn(
      { err: error, path: note },
      `the list of plugins that ended the program cannot be read, so none is suspended: ${note}: ${describeError(error)}`,
    ),
  );
  const { active, inactive } = selected ?? { active: [], inactive: [] };
  let failedPlugins = 0;
  const failed = (plugin: string, error: unknown) => {
    failedPlugins += 1;
    logger.error(
      { err: error, plugin },
      `the ${what} '${plugin}' does not run, its meters are missing: ${describeError(error)}`,
    );
  };
  for (const { declared, failure } of inactive) if (failure !== undefined) failed(declared.name, failure);

  // Built-in plugins first: their samples need not wait for a third-party plugin that must be interrupted.
  const oursFirst = [...active].sort(
    (a, b) => Number(isOurs(b.declared.packageName)) - Number(isOurs(a.declared.packageName)),
  );
  const made = oursFirst.flatMap((one): Made[] => {
    const { name, packageDirectory, packageName } = one.declared;
    try {
      // Built-in plugins are in the programs' own directories.
      if (isOurs(packageName)) trustPlugin(name);
      else {
        knowPluginFolder(name, packageDirectory);
        if (isGuarded()) watchOver(name, packageDirectory, note);
      }
      const ofPlugin = pluginLogger(logger.child({ component: name, plugin: name }));
      const product = () => {
        const { service } = one.plugin;
        const said = service !== undefined && Object.hasOwn(services, service) ? services[service] : undefined;
        return createPlugin<Product>(one, { logger: ofPlugin, clock, host, service: said ?? {} });
      };
      const suspended = isOurs(packageName) ? undefined : blocking(name);
      if (suspended === undefined) return [runPluginCode(name, () => make(product(), one, undefined))];
      logger.error(
        { plugin: name, times: suspended.times },
        `the ${what} '${name}' blocked the program, which had to be ended (${describeTimes(suspended)}): it is suspended for some time, and its meters are missing`,
      );
      return [make(later(product) as Product, one, suspended)];
    } catch (error) {
      if (isNephoscopeError(error, 'PLUGIN_DECLINED'))
        logger.info({ plugin: name }, `the ${what} '${name}' does not run: ${error.message}`);
      else failed(name, error);
      return [];
    }
  });
  return { made, failedPlugins };
}

/** A pollster that is created when it is first called. */
function later(make: () => unknown): unknown {
  let made: { getCounters(...args: readonly unknown[]): unknown } | undefined;
  return {
    getCounters: (...args: readonly unknown[]) =>
      (made ??= make() as NonNullable<typeof made>).getCounters(...args),
  };
}
