import { counterReader, wildcards } from '@nephoscope/core';
import type { Clock, ExchangeTopics, NotificationHandler } from '@nephoscope/core';
import { createSelected } from '@nephoscope/runtime';
import type { Configured, RootLogger } from '@nephoscope/runtime';

/** A notification plugin that runs. */
export interface ActiveHandler {
  readonly name: string;
  readonly handler: NotificationHandler;
  readonly exchangeTopics: readonly ExchangeTopics[];
  wants(eventType: string): boolean;
  /** What it yielded, as ours. */
  readonly readCounter: ReturnType<typeof counterReader>;
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
      readCounter: counterReader(plugin.meters),
    }),
  );
  return { handlers: made, failedPlugins };
}
