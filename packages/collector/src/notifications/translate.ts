import {
  NephoscopeError,
  derivedMessageId,
  encodeMeteringBatch,
  isNephoscopeError,
  maxCounters,
  meteringContentType,
  meteringRoutingKey,
  meteringTopology,
  signMeteringMessage,
} from '@nephoscope/core';
import type { Notification, OutgoingMessage, Signer } from '@nephoscope/core';
import { runPluginCode } from '@nephoscope/runtime';

import type { ActiveHandler } from './handlers.js';
import { pluginFailure } from './plugin-failure.js';

// Of all messages that one plugin makes of one notification.
const mostBytes = 16 * 1024 * 1024;

/** What stands in every message beside its counter. */
export interface Origin {
  readonly source: string;
  readonly publisherId: string;
  readonly signer: Signer;
}

/** What became of a notification. */
export interface Translation {
  /** Signed, one for each meter. */
  readonly messages: readonly OutgoingMessage[];
  readonly samples: number;
  /** The plugins that made the samples. */
  readonly translatedBy: readonly string[];
  /** The plugins that failed, and why. */
  readonly failures: readonly { readonly plugin: string; readonly reason: string }[];
}

/**
 * Has each of these plugins translate the notification. One that fails costs its own counters, all of them, but where
 * it says that only some items cannot be counted.
 */
export function translate(
  notification: Notification,
  handlers: readonly ActiveHandler[],
  origin: Origin,
): Translation {
  const lines = new Map<string, string[]>();
  const translatedBy: string[] = [];
  const failures: { plugin: string; reason: string }[] = [];
  for (const active of handlers) {
    try {
      const { made, itemsFailed } = runPluginCode(active.name, () => linesOf(notification, active, origin));
      for (const [meter, line] of made) lines.set(meter, [...(lines.get(meter) ?? []), line]);
      if (itemsFailed === undefined) translatedBy.push(active.name);
      else failures.push({ plugin: active.name, reason: pluginFailure(itemsFailed) });
    } catch (error) {
      failures.push({ plugin: active.name, reason: pluginFailure(error) });
    }
  }
  const messages = Array.from(lines, ([meter, ofMeter]) => ({
    exchange: meteringTopology.exchange,
    routingKey: meteringRoutingKey(meter),
    contentType: meteringContentType,
    body: encodeMeteringBatch(ofMeter),
  }));
  return { messages, samples: [...lines.values()].flat().length, translatedBy, failures };
}

/**
 * The metering messages of one plugin, by meter. The same notification gives the same message ids.
 *
 * @throws what the plugin throws, but for NOTIFICATION_ITEMS: that costs only the items that it is about
 */
function linesOf(
  notification: Notification,
  { name, handler, readCounter }: ActiveHandler,
  { source, publisherId, signer }: Origin,
): { readonly made: readonly (readonly [string, string])[]; readonly itemsFailed?: NephoscopeError } {
  const eventId = handler.eventId?.(notification) ?? notification.messageId;
  let bytes = 0;
  const made = new Map<string, readonly [string, string]>();
  const take = (given: unknown) => {
    const { counter } = readCounter(given);
    const messageId = derivedMessageId('notification', source, eventId, name, counter.name, counter.resourceId);
    if (made.has(messageId)) throw invalid(`the counter '${counter.name}' comes twice for one resource`);
    if (made.size >= maxCounters) throw invalid(`there are more than ${maxCounters} of one notification`);
    const line = signMeteringMessage(counter, { source, messageId, publisherId }, signer);
    bytes += line.length;
    if (bytes > mostBytes) throw invalid(`those of one notification take more than ${mostBytes} bytes`);
    made.set(messageId, [counter.name, line]);
  };
  try {
    for (const counter of handler.processNotification(notification)) take(counter);
  } catch (error) {
    if (!isNephoscopeError(error, 'NOTIFICATION_ITEMS')) throw error;
    return { made: [...made.values()], itemsFailed: error };
  }
  return { made: [...made.values()] };
}

function invalid(what: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', what);
}
