import { meterStem, wildcards } from '@nephoscope/core';
import type { Clock, ExchangeTopics, Meter, NotificationHandler } from '@nephoscope/core';
import { createSelected } from '@nephoscope/runtime';
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
  selected: Configured['selected'][string] | undefined,
  notificationTopics: readonly string[],
  around: { readonly logger: RootLogger; readonly clock: Clock; readonly host: string },
): { readonly handlers: readonly ActiveHandler[]; readonly failedPlugins: number } {
  const { made, failedPlugins } = createSelected(
    'notification plugin',
    selected,
    around,
    (handler: NotificationHandler, { declared, plugin }): ActiveHandler => ({
      name: declared.name,
      handler,
      exchangeTopics: handler.exchangeTopics({ notificationTopics }),
      wants: wildcards(handler.eventTypes),
      meters: new Map(plugin.meters.map((meter) => [meterStem(meter.name), meter])),
    }),
  );
  return { handlers: made, failedPlugins };
}
