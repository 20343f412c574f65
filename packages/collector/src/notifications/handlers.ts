import { describeError, isNephoscopeError, meterStem, wildcards } from '@nephoscope/core';
import type { Clock, ExchangeTopics, Meter, NotificationHandler } from '@nephoscope/core';
import { createPlugin } from '@nephoscope/runtime';
import type { Configured, RootLogger } from '@nephoscope/runtime';

/** A notification plugin that runs. */
export interface ActiveHandler {
  readonly name: string;
  readonly handler: NotificationHandler;
  readonly exchangeTopics: readonly ExchangeTopics[];
  wants(eventType: string): boolean;
  /** What it may emit, by {@link meterStem}. */
  readonly meters: ReadonlyMap<string, Meter>;
}

/** Makes what the selected plugins make. One that fails costs only itself. */
export function createHandlers(
  { active, inactive }: Configured['selected'][string],
  notificationTopics: readonly string[],
  around: { readonly logger: RootLogger; readonly clock: Clock; readonly host: string },
): { readonly handlers: readonly ActiveHandler[]; readonly failedPlugins: number } {
  const { logger, clock, host } = around;
  let failedPlugins = 0;
  const failed = (plugin: string, error: unknown) => {
    failedPlugins += 1;
    logger.error(
      { err: error, plugin },
      `the notification plugin '${plugin}' does not run, its meters are missing: ${describeError(error)}`,
    );
  };
  for (const { declared, failure } of inactive) if (failure !== undefined) failed(declared.name, failure);

  const handlers = active.flatMap((one): ActiveHandler[] => {
    const { name } = one.declared;
    try {
      const handler = createPlugin<NotificationHandler>(one, {
        logger: logger.child({ component: name }),
        clock,
        host,
      });
      const meters = new Map(one.plugin.meters.map((meter) => [meterStem(meter.name), meter]));
      const exchangeTopics = handler.exchangeTopics({ notificationTopics });
      return [{ name, handler, exchangeTopics, wants: wildcards(handler.eventTypes), meters }];
    } catch (error) {
      if (isNephoscopeError(error, 'PLUGIN_DECLINED'))
        logger.info({ plugin: name }, `the notification plugin '${name}' does not run: ${error.message}`);
      else failed(name, error);
      return [];
    }
  });
  return { handlers, failedPlugins };
}
