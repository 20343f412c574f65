import { LogLimit, retry } from '@nephoscope/async';
import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { MessageBus, OutgoingMessage } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import { announcedEnd, endAnnouncements, lastReadingMessage, lastReadingSigner } from '@nephoscope/message';
import type { LastReadingRequest } from '@nephoscope/message';
import { NewestFirst } from '@nephoscope/runtime';
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

import type { NotificationObserver } from './notifications/listener.js';

// Unconfirmed requests; further ones wait, and expire after this time, ms.
const mostAtOnce = 100;
const waiting = { most: 1_000, maxAge: 5_000 };
// A flooded queue has room now and then: pauses between attempts, ms.
const pauses = { first: 20, longest: 500 };

interface End {
  readonly host: string;
  readonly request: LastReadingRequest;
  readonly signal: AbortSignal;
}

/**
 * Requests a last reading from the agent of an instance's host as soon as nova announces the instance's end. Nothing
 * waits for it: a request that does not arrive within seconds is worthless.
 *
 * @param secret signs the requests
 */
export function createLastReadings({
  bus,
  clock,
  logger,
  registry,
  secret,
}: {
  readonly bus: Pick<MessageBus, 'publish'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly secret: Secret;
}): NotificationObserver {
  const requests = new Counter({
    name: 'nephoscope_last_reading_requests_total',
    help: 'Requests for last readings, by result: sent, no_agent (none listens on that host), failed, dropped (too many)',
    labelNames: ['result'],
    registers: [registry],
  });
  const signed = lastReadingSigner(secret, clock);
  const failures = new LogLimit(clock);
  const ends = new NewestFirst<End>(
    { ...waiting, onDropped: (count) => fail('dropped', 'there are too many', count) },
    clock,
  );
  let underWay = 0;

  function fail(result: 'failed' | 'dropped', reason: string, count = 1): void {
    requests.inc({ result }, count);
    const say = (number: number) =>
      logger.warn(
        { count: number },
        `last readings that could not be requested: ${number}, the latest because ${reason}`,
      );
    failures.log(say, count);
  }

  /** Retries as long as the request is useful. An agent handles a duplicate once. */
  async function publish(message: OutgoingMessage, signal: AbortSignal): Promise<void> {
    const until = clock.monotonic() + BigInt(waiting.maxAge) * 1_000_000n;
    const isFinal = (error: unknown) => !isNephoscopeError(error, 'BUS_UNAVAILABLE') || clock.monotonic() >= until;
    await retry(() => bus.publish(message), { ...pauses, clock, signal, isFinal });
  }

  async function send({ host, request, signal }: End): Promise<void> {
    try {
      await publish(signed(host, request), signal).catch((error: unknown) => {
        // An older agent receives only unsigned requests.
        if (isNephoscopeError(error, 'BUS_UNROUTABLE')) return publish(lastReadingMessage(host, request), signal);
        throw error;
      });
      requests.inc({ result: 'sent' });
    } catch (error) {
      if (!isNephoscopeError(error, 'BUS_UNROUTABLE')) return fail('failed', describeError(error));
      requests.inc({ result: 'no_agent' });
      const text = `the last reading of ${request.instance} could not be requested on ${host}: no agent listens there`;
      logger.debug({ host, instance: request.instance }, text);
    }
  }

  function next(): void {
    while (underWay < mostAtOnce) {
      const end = ends.take();
      if (end === undefined) return;
      underWay += 1;
      void send(end).finally(() => {
        underWay -= 1;
        next();
      });
    }
  }

  return {
    eventTypes: endAnnouncements,
    observe(notification, signal) {
      const end = announcedEnd(notification);
      if (end === undefined) return;
      ends.add(`${end.host} ${end.request.instance}`, { ...end, signal });
      next();
    },
  };
}
