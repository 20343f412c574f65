import { checkProduct, describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';

import type { RootLogger } from './logging.js';
import { isOurs, knowPluginFolder, runPluginCode, trustPlugin } from './plugin-code.js';
import { pluginLogger } from './plugin-logger.js';
import { createPlugin } from './plugin-selection.js';
import type { ActivePlugin, InactivePlugin } from './plugin-selection.js';
import { isGuarded } from './process-guard.js';
import { watchOver } from './watchdog.js';

/**
 * Makes what the selected plugins of a section make. One that cannot be loaded or made costs only itself: it is told in
 * the log and counted. One that declines is told, and is no failure.
 *
 * @param what they are, for people, such as `pollster`
 * @param make from what the plugin made, and the logger whose lines bear its name; what it throws is its failure
 */
export function createSelected<Product, Made>(
  what: string,
  selected: { readonly active: readonly ActivePlugin[]; readonly inactive: readonly InactivePlugin[] } | undefined,
  around: { readonly logger: RootLogger; readonly clock: Clock; readonly host: string },
  make: (product: Product, plugin: ActivePlugin, logger: Logger) => Made,
): { readonly made: readonly Made[]; readonly failedPlugins: number } {
  const { logger, clock, host } = around;
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

  const made = active.flatMap((one): Made[] => {
    const { name, packageDirectory, packageName } = one.declared;
    try {
      // Ours are in folders with the programs' own code.
      if (isOurs(packageName)) trustPlugin(name);
      else {
        knowPluginFolder(name, packageDirectory);
        if (isGuarded()) watchOver(name, packageDirectory, logger);
      }
      const ofPlugin = pluginLogger(logger.child({ component: name, plugin: name }));
      return [
        runPluginCode(name, () => {
          const product = createPlugin<Product>(one, { logger: ofPlugin, clock, host });
          checkProduct(product, one.declared.namespace);
          return make(product, one, ofPlugin);
        }),
      ];
    } catch (error) {
      if (isNephoscopeError(error, 'PLUGIN_DECLINED'))
        logger.info({ plugin: name }, `the ${what} '${name}' does not run: ${error.message}`);
      else failed(name, error);
      return [];
    }
  });
  return { made, failedPlugins };
}
