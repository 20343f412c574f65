import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';
import type { Counter } from '@nephoscope/core';
import type { OutgoingMessage } from '@nephoscope/core/message-bus';
import type { Notification } from '@nephoscope/core/notification';
import {
  MeteringBatch,
  derivedMessageId,
  meteringContentType,
  meteringRoutingKey,
  meteringTopology,
  signMeteringMessage,
} from '@nephoscope/message';
import type { Signer } from '@nephoscope/message';
import { maxCounters } from '@nephoscope/runtime/replies';

import { yieldToOthers } from '../yield-to-others.js';
import type { ActiveHandler } from './handlers.js';
import { pluginFailure } from './plugin-failure.js';

// Limit for all messages that one plugin makes of one notification.
const mostBytes = 16 * 1024 * 1024;

/** The fields of every message besides its counter. */
export interface Origin {
  readonly source: string;
  readonly publisherId: string;
  readonly signer: Signer;
}

/** The result of a notification. */
export interface Translation {
  /** Signed, of one meter each, as large as an agent's. */
  readonly messages: readonly OutgoingMessage[];
  /** Number of samples by plugin. */
  readonly samples: ReadonlyMap<string, number>;
  /** The plugins that failed, and why. */
  readonly failures: readonly { readonly plugin: string; readonly reason: string }[];
}

/**
 * Has each of these plugins translate the notification. If one fails, all its own counters are missing, unless its
 * error says that only some items cannot be counted.
 *
 * @param timed starts timing a plugin and returns the function that stops it
 */
export async function translate(
  notification: Notification,
  handlers: readonly ActiveHandler[],
  origin: Origin,
  timed: (plugin: string) => () => unknown = () => () => undefined,
): Promise<Translation> {
  const batches = new Map<string, MeteringBatch>();
  const samples = new Map<string, number>();
  const failures: { plugin: string; reason: string }[] = [];
  for (const active of handlers) {
    try {
      const yielded = timedRun(active, notification, timed);
      const lines = await linesOf(yielded, active.name, origin);
      samples.set(active.name, lines.length);
      for (const [meter, line] of lines) {
        const batch = batches.get(meter) ?? new MeteringBatch();
        batches.set(meter, batch);
        batch.add(line);
      }
      if (yielded.itemsFailed !== undefined)
        failures.push({ plugin: active.name, reason: pluginFailure(yielded.itemsFailed) });
    } catch (error) {
      failures.push({ plugin: active.name, reason: pluginFailure(error) });
    }
    await yieldToOthers();
  }
  const messages = [...batches].flatMap(([meter, batch]) =>
    batch.bodies().map(({ bytes }) => ({
      exchange: meteringTopology.exchange,
      routingKey: meteringRoutingKey(meter),
      contentType: meteringContentType,
      body: bytes,
    })),
  );
  return { messages, samples, failures };
}

function timedRun(
  active: ActiveHandler,
  notification: Notification,
  timed: (plugin: string) => () => unknown,
): Yielded {
  const ended = timed(active.name);
  try {
    return active.run(() => read(notification, active));
  } finally {
    ended();
  }
}

/** What a plugin made of a notification. */
interface Yielded {
  readonly eventId: string;
  readonly counters: readonly Counter[];
  readonly itemsFailed?: NephoscopeError;
}

/**
 * The counters that a plugin yields, with a limit. Signing them is not the plugin's work and not part of its time.
 *
 * @throws the plugin's error, except NOTIFICATION_ITEMS, which affects only the items it names
 */
function read(notification: Notification, { handler, readCounter }: ActiveHandler): Yielded {
  const eventId: unknown = handler.eventId?.(notification) ?? notification.messageId;
  if (typeof eventId !== 'string' || eventId === '') throw invalid('its event id is not a string');
  const counters: Counter[] = [];
  let bytes = 0;
  try {
    for (const given of handler.processNotification(notification)) {
      if (counters.length >= maxCounters) throw invalid(`one notification gives more than ${maxCounters}`);
      const { counter, size } = readCounter(given);
      bytes += size;
      if (bytes > mostBytes) throw invalid(`the counters of one notification take more than ${mostBytes} bytes`);
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
 * @throws COUNTER_INVALID if two counters are one sample, or one cannot be signed
 */
async function linesOf(
  { eventId, counters }: Yielded,
  plugin: string,
  { source, publisherId, signer }: Origin,
): Promise<readonly (readonly [meter: string, line: string])[]> {
  const messageIds = new Set<string>();
  const lines: (readonly [string, string])[] = [];
  for (const counter of counters) {
    const messageId = derivedMessageId('notification', source, eventId, plugin, counter.name, counter.resourceId);
    if (messageIds.has(messageId))
      throw invalid(`the counter '${counter.name}' was produced twice for one resource`);
    messageIds.add(messageId);
    lines.push([counter.name, signMeteringMessage(counter, { source, messageId, publisherId }, signer)]);
    await yieldToOthers();
  }
  return lines;
}

function invalid(what: string): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', what);
}
