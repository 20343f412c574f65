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
import type { Counter, Notification, OutgoingMessage, Signer } from '@nephoscope/core';

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
 *
 * @param timed begins to take the time of a plugin, and gives what ends that
 */
export function translate(
  notification: Notification,
  handlers: readonly ActiveHandler[],
  origin: Origin,
  timed: (plugin: string) => () => unknown = () => () => undefined,
): Translation {
  const lines = new Map<string, string[]>();
  const translatedBy: string[] = [];
  const failures: { plugin: string; reason: string }[] = [];
  for (const active of handlers) {
    const ended = timed(active.name);
    try {
      const yielded = active.run(() => read(notification, active));
      for (const [meter, line] of linesOf(yielded, active.name, origin)) {
        const ofMeter = lines.get(meter);
        if (ofMeter === undefined) lines.set(meter, [line]);
        else ofMeter.push(line);
      }
      if (yielded.itemsFailed === undefined) translatedBy.push(active.name);
      else failures.push({ plugin: active.name, reason: pluginFailure(yielded.itemsFailed) });
    } catch (error) {
      failures.push({ plugin: active.name, reason: pluginFailure(error) });
    }
    ended();
  }
  const messages = Array.from(lines, ([meter, ofMeter]) => ({
    exchange: meteringTopology.exchange,
    routingKey: meteringRoutingKey(meter),
    contentType: meteringContentType,
    body: encodeMeteringBatch(ofMeter),
  }));
  return { messages, samples: [...lines.values()].flat().length, translatedBy, failures };
}

/** What a plugin made of a notification. */
interface Yielded {
  readonly eventId: string;
  readonly counters: readonly Counter[];
  readonly itemsFailed?: NephoscopeError;
}

/**
 * The counters that a plugin yields, bounded. To sign them is not the plugin's work and is left out of its time.
 *
 * @throws what the plugin throws, but for NOTIFICATION_ITEMS: that costs only the items that it is about
 */
function read(notification: Notification, { handler, readCounter }: ActiveHandler): Yielded {
  const eventId: unknown = handler.eventId?.(notification) ?? notification.messageId;
  if (typeof eventId !== 'string' || eventId === '') throw invalid('its event id is no text');
  const counters: Counter[] = [];
  let bytes = 0;
  try {
    for (const given of handler.processNotification(notification)) {
      if (counters.length >= maxCounters) throw invalid(`there are more than ${maxCounters} of one notification`);
      const { counter, size } = readCounter(given);
      bytes += size;
      if (bytes > mostBytes) throw invalid(`those of one notification take more than ${mostBytes} bytes`);
      counters.push(counter);
    }
  } catch (error) {
    if (!isNephoscopeError(error, 'NOTIFICATION_ITEMS')) throw error;
    return { eventId, counters, itemsFailed: error };
  }
  return { eventId, counters };
}

/**
 * The meter and the signed line of each counter. The same notification gives the same message ids.
 *
 * @throws COUNTER_INVALID when two counters are one sample, or when one cannot be signed
 */
function linesOf(
  { eventId, counters }: Yielded,
  plugin: string,
  { source, publisherId, signer }: Origin,
): readonly (readonly [meter: string, line: string])[] {
  const messageIds = new Set<string>();
  return counters.map((counter) => {
    const messageId = derivedMessageId('notification', source, eventId, plugin, counter.name, counter.resourceId);
    if (messageIds.has(messageId)) throw invalid(`the counter '${counter.name}' comes twice for one resource`);
    messageIds.add(messageId);
    return [counter.name, signMeteringMessage(counter, { source, messageId, publisherId }, signer)];
  });
}

function invalid(what: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', what);
}
