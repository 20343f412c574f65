import type { Clock, ServiceSettings } from '@nephoscope/core';
import type { ExchangeTopics, NotificationHandler } from '@nephoscope/core/notification';
import { wildcards } from '@nephoscope/core/options';
import { createSelected, Pause } from '@nephoscope/runtime';
import type { Configured, RootLogger } from '@nephoscope/runtime';
import { counterReader } from '@nephoscope/runtime/replies';
import { z } from 'zod';

/** An active notification plugin. */
export interface ActiveHandler {
  readonly name: string;
  /** Its service in the section `services`. */
  readonly service: string | undefined;
  readonly handler: NotificationHandler;
  readonly exchangeTopics: readonly ExchangeTopics[];
  wants(eventType: string): boolean;
  /** Accepted publishers: patterns of `publisher_id`. */
  readonly publishers: readonly string[];
  isBy(publisherId: string): boolean;
  /** Reads its counters into copies. */
  readonly readCounter: ReturnType<typeof counterReader>;
  /** Runs code of the plugin; throws PLUGIN_BLOCKED if that is interrupted, and during the suspension after that. */
  run<T>(work: () => T): T;
}

const topicsOf = z.array(z.object({ exchange: z.string().min(1), topics: z.array(z.string().min(1)) }));
const patternsOf = z.array(z.string());

/** Creates the handlers of the selected plugins. One that fails does not affect the others. */
export function createHandlers(
  selected: Configured['selected'][string] | undefined,
  notificationTopics: readonly string[],
  around: {
    readonly logger: RootLogger;
    readonly clock: Clock;
    readonly host: string;
    readonly services?: Readonly<Record<string, ServiceSettings | undefined>>;
  },
): { readonly handlers: readonly ActiveHandler[]; readonly failedPlugins: number } {
  const { made, failedPlugins } = createSelected(
    'notification plugin',
    selected,
    around,
    (handler: NotificationHandler, { declared, plugin }): ActiveHandler => {
      const { name } = declared;
      const pause = new Pause();
      const publishers = patternsOf.parse(handler.publishers ?? ['*']);
      return {
        name,
        service: plugin.service,
        handler,
        // Copied once: later changes by the plugin are not declared to the broker.
        exchangeTopics: topicsOf.parse(handler.exchangeTopics({ notificationTopics: [...notificationTopics] })),
        publishers,
        isBy: wildcards(publishers),
        wants: wildcards(patternsOf.parse(handler.eventTypes)),
        readCounter: counterReader(plugin.meters),
        run: (work) => pause.run(name, around.clock, work),
      };
    },
  );
  return { handlers: made, failedPlugins };
}
