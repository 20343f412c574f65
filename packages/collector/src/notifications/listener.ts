import { LogLimit, retry } from '@nephoscope/async';
import { describeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { Delivery, MessageBus } from '@nephoscope/core/message-bus';
import type { Notification } from '@nephoscope/core/notification';
import type { Secret } from '@nephoscope/core/options';
import { createSigner, meteringTopology } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { yieldToOthers } from '../yield-to-others.js';
import { Consumption } from '../consumption.js';
import { decompressed } from '../decompress.js';
import { descriptionOf } from '../description.js';
import { collectSooner } from '../heap.js';
import type { DeadLetter } from '../dead-letters.js';
import { collectorPrefix } from '../publisher-id.js';
import { DeadLetterSender } from '../dead-letter-sender.js';
import { quarantineReason, isFrom } from './quarantine.js';
import type { Quarantine } from './quarantine.js';
import { reducedNotification } from './dead-letter.js';
import type { ActiveHandler } from './handlers.js';
import { createNotificationMetrics } from './metrics.js';
import type { NotificationMetrics } from './metrics.js';
import type { NotificationsOptions } from './options.js';
import { pluginFailure } from './plugin-failure.js';
import { maxNotificationBytes, readNotification, unwrapNotification } from './read-notification.js';
import type { UnwrappedNotification } from './read-notification.js';
import { Seal } from './seal.js';
import { SmallestFirst } from './smallest-first.js';
import { saidOf } from './times.js';
import { topologiesOf } from './topology.js';
import { translate } from './translate.js';
import type { Origin, Translation } from './translate.js';

/** Services send a few a second; this many keep the bus busy while samples are being sent, in some hundred KiB. */
const usualPrefetch = 100;

/** Receives notifications immediately, before any plugin, and is not waited for. */
export interface NotificationObserver {
  readonly eventTypes: readonly string[];
  /** @param signal aborted when the listener stops */
  observe(notification: Notification, signal: AbortSignal): void;
}

export interface NotificationListenerParts {
  readonly options: NotificationsOptions;
  readonly source: string;
  readonly host: string;
  /** The first one signs. */
  readonly secrets: readonly Secret[];
  readonly signature: SignatureForm;
  /** Started by its owner before the listener, and stopped after it. */
  readonly bus: MessageBus;
  readonly handlers: readonly ActiveHandler[];
  /** Number of plugins that should run but do not, for the metrics. */
  readonly failedPlugins: number;
  readonly observer?: NotificationObserver | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
  /** Number of notifications in progress. */
  readonly prefetch?: number;
}

/** Remaining work for a notification before it may be acknowledged. */
interface Work {
  readonly publish: Translation['messages'];
  readonly samples: ReadonlyMap<string, number>;
  readonly deadLetters: readonly DeadLetter[];
  /** Called when the dead letters are stored. */
  onDeadLetters?(): void;
}

interface UnderWay {
  /** Aborts the work: the notification is delivered again, here or to another collector. */
  readonly giveUp: AbortController;
  readonly done: Promise<void>;
}

const nothing: Work = { publish: [], samples: new Map(), deadLetters: [] };
/** Total size of notifications in progress, bytes. */
const maxHeldBytes = 32 * 1024 * 1024;
/** Larger notifications are processed one at a time: their samples may be several times as large. */
const maxSmallBytes = 128 * 1024;
const pauses = { first: 250, longest: 15_000 };
// When the listener stops, unfinished notifications return to the queue as the bus closes.
const lastSettling = 2_000;

/**
 * Consumes notifications, has the plugins translate them, and publishes the counters as signed metering messages. A
 * notification is acknowledged when all its counters, and its dead letter if it has one, are confirmed; while the bus
 * refuses them, it retries and, by the prefetch, receives nothing more. Without plugins it does nothing.
 */
export class NotificationListener implements Component {
  readonly name = 'notifications';
  readonly #parts: NotificationListenerParts;
  readonly #metrics: NotificationMetrics;
  readonly #origin: Origin;
  /** Oldest first. */
  readonly #underWay = new Map<Delivery, UnderWay>();
  readonly #consumption: Consumption;
  readonly #deadLetters: DeadLetterSender;
  readonly #order = new SmallestFirst();
  readonly #stopping = new AbortController();
  /** By subject. */
  readonly #logs = new Map<string, LogLimit>();
  readonly #seal: Seal;
  #isConsuming = false;
  #stopped: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(parts: NotificationListenerParts) {
    const { bus, clock, failedPlugins, host, logger, options, registry, secrets, signature, source } = parts;
    this.#parts = parts;
    this.#metrics = createNotificationMetrics(registry);
    this.#metrics.pluginFailures.set(failedPlugins);
    const signer = createSigner({ secret: secrets[0] as Secret, form: signature });
    this.#origin = { source, publisherId: `${collectorPrefix}${host}`, signer };
    const { name: queue } = options.queue;
    this.#consumption = new Consumption({
      bus,
      queue,
      prefetch: parts.prefetch ?? usualPrefetch,
      maxBytes: maxHeldBytes,
      handler: (delivery) => this.#take(delivery),
      clock,
      logger,
    });
    this.#deadLetters = new DeadLetterSender({
      queue,
      onWaits: (delivery, waits) => this.#consumption.setBy(delivery, waits),
      clock,
      logger,
      signal: this.#stopping.signal,
    });
    this.#seal = new Seal(this.#origin.publisherId, secrets);
  }

  /** @throws what the bus throws if it cannot declare or consume the queue */
  async start(): Promise<void> {
    const { bus, handlers, logger, options } = this.#parts;
    if (handlers.length === 0)
      return logger.info({}, 'no notification plugin runs: notifications are not consumed');
    await bus.declare(meteringTopology);
    for (const topology of topologiesOf(options.queue, handlers)) {
      const { exchange } = topology;
      const onUnbound = () => this.#metrics.unbound.inc({ exchange });
      await bus.declare(topology.queueOwner === 'service' ? topology : { ...topology, onUnbound });
    }
    await this.#consumption.start();
    this.#isConsuming = true;
    logger.info(
      { queue: options.queue.name, plugins: handlers.map(({ name }) => name) },
      `${handlers.length} notification plugins are active`,
    );
  }

  /** Accepts no more, finishes what the bus confirms within 2 s, and returns everything else to the queue. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    const { handlers } = this.#parts;
    if (handlers.length > 0 && !this.#isConsuming) return { ok: false, reason: 'not consuming notifications yet' };
    return this.#failure === undefined ? this.#deadLetters.health() : { ok: false, reason: this.#failure };
  }

  async #stop(): Promise<void> {
    await this.#consumption.stop();
    this.#stopping.abort();
    const left = [...this.#underWay.values()];
    for (const { giveUp } of left) giveUp.abort();
    const settled = new AbortController();
    const overdue = this.#parts.clock.sleep(lastSettling, settled.signal).catch(() => undefined);
    await Promise.race([Promise.all(left.map(({ done }) => done)), overdue]);
    settled.abort();
  }

  #take(delivery: Delivery): void {
    this.#metrics.received.inc();
    // The broker leaves no more unsettled than the prefetch allows. So the connection was lost since the oldest
    // arrived, which will be delivered again.
    const [oldest] = this.#underWay;
    if (oldest !== undefined && this.#underWay.size >= this.#consumption.room) {
      oldest[1].giveUp.abort();
      this.#forget(oldest[0]);
    }
    const giveUp = new AbortController();
    this.#underWay.set(delivery, { giveUp, done: this.#finish(delivery, giveUp.signal) });
    this.#metrics.underWay.set(this.#underWay.size);
  }

  async #finish(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { byteLength } = delivery.body;
    let work: Work;
    try {
      work = await this.#order.run(Math.max(byteLength, maxSmallBytes), async () => {
        if (byteLength > maxSmallBytes) collectSooner();
        const read = await this.#read(delivery, signal);
        if (byteLength > maxSmallBytes) await this.#publish(read, signal);
        return read;
      });
      if (byteLength <= maxSmallBytes) await this.#publish(work, signal);
    } catch {
      // Aborted, which is the only possible error here. If made again, the messages have the same ids.
      this.#forget(delivery);
      return delivery.requeue();
    }
    const { samples, deadLetters } = work;
    for (const [plugin, made] of samples) this.#metrics.plugins.sampled(plugin, made);
    const isSafe = await this.#deadLetters.send(delivery, deadLetters);
    this.#forget(delivery);
    if (!isSafe) return delivery.requeue();
    work.onDeadLetters?.();
    delivery.ack();
  }

  async #publish({ publish }: Work, signal: AbortSignal): Promise<void> {
    await Promise.all(publish.map((message) => this.#insist(() => this.#parts.bus.publish(message), signal)));
  }

  /** Retries work that the bus refuses, with growing pauses, until it succeeds or `signal` is aborted. */
  async #insist(act: () => Promise<void>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { clock, logger } = this.#parts;
    const onFailure = (error: unknown): void => {
      this.#metrics.publishFailures.inc();
      const first = this.#failure === undefined;
      this.#failure = `the bus does not accept counters from notifications: ${describeError(error)}`;
      if (first)
        logger.warn({ err: error }, `${this.#failure}; the notifications wait, and publishing is retried`);
    };
    await retry(act, { ...pauses, clock, signal, onFailure, isFinal: () => false });
    if (this.#failure !== undefined) logger.info({}, 'the bus accepts counters from notifications again');
    this.#failure = undefined;
  }

  #forget(delivery: Delivery): void {
    if (!this.#underWay.delete(delivery)) return;
    this.#consumption.release(delivery);
    this.#metrics.underWay.set(this.#underWay.size);
  }

  async #read(delivery: Delivery, signal: AbortSignal): Promise<Work> {
    await yieldToOthers();
    signal.throwIfAborted();
    let body: Uint8Array;
    try {
      body = await decompressed(delivery, maxNotificationBytes);
    } catch (error) {
      // Unchanged: it has no readable credentials to remove, and a newer version may be able to read it.
      return this.#unreadable(delivery, [{ reason: describeError(error) }]);
    }
    return this.#workOf(delivery, body);
  }

  async #workOf(delivery: Delivery, body: Uint8Array): Promise<Work> {
    let unwrapped: UnwrappedNotification;
    let notification: Notification;
    try {
      unwrapped = unwrapNotification(body);
      if (!this.#isWanted(unwrapped.eventType)) {
        this.#metrics.unwanted.inc();
        return nothing;
      }
      await yieldToOthers();
      // Parsed separately: the plugins' copy is made after yielding to the event loop.
      void unwrapped.fields;
      await yieldToOthers();
      notification = readNotification(unwrapped);
      await yieldToOthers();
    } catch (error) {
      const reason = describeError(error);
      return this.#unreadable(delivery, [{ reason, part: { body: descriptionOf(delivery, reason) } }]);
    }
    const { eventType, publisherId } = notification;
    const wanting = this.#parts.handlers.filter(({ wants }) => wants(eventType));
    const isSealed = this.#seal.isOn(unwrapped.fields);
    const { clock, options } = this.#parts;
    const circumstances = {
      exchange: delivery.exchange,
      handlers: wanting,
      now: clock.now(),
      maxAge: BigInt(Math.round(options.maxAge)) * 1_000_000n,
    };
    const wrong = isSealed ? undefined : quarantineReason(notification, circumstances);
    if (wrong !== undefined) return this.#quarantine(wrong, notification, unwrapped);
    this.#notifyObserver(notification);
    this.#logWrongTimes(notification);
    const handlers = isSealed
      ? wanting
      : wanting.filter((handler) => isFrom(handler, delivery.exchange, publisherId));
    return this.#translated(notification, unwrapped, handlers);
  }

  #isWanted(eventType: string): boolean {
    const { handlers, observer } = this.#parts;
    return handlers.some(({ wants }) => wants(eventType)) || observer?.eventTypes.includes(eventType) === true;
  }

  #unreadable({ routingKey, body }: Delivery, deadLetters: readonly [DeadLetter]): Work {
    return {
      ...nothing,
      deadLetters,
      onDeadLetters: () => {
        this.#metrics.unreadable.inc();
        this.#logDeadLetter({ routingKey, bytes: body.byteLength }, deadLetters[0].reason);
      },
    };
  }

  #quarantine(
    { kind, reason }: Quarantine,
    { eventType, messageId }: Notification,
    { fields }: UnwrappedNotification,
  ): Work {
    return {
      ...nothing,
      deadLetters: [{ reason, part: { body: this.#seal.put(reducedNotification(fields)) } }],
      onDeadLetters: () => {
        this.#metrics.quarantined.inc({ reason: kind });
        this.#logDeadLetter({ eventType, messageId }, reason, kind);
      },
    };
  }

  #logDeadLetter(fields: Readonly<Record<string, unknown>>, reason: string, kind = ''): void {
    this.#logLimit(kind).log((count) => {
      const what = count === 1 ? 'a notification' : `${count} notifications`;
      const text = `${what} went to the dead letters${count === 1 ? '' : ', among them'}: ${reason}`;
      this.#parts.logger.warn({ ...fields, count }, text);
    });
  }

  /** They are missing in the metadata of samples. */
  #logWrongTimes(notification: Notification): void {
    const said = saidOf(notification);
    const { eventType, messageId } = notification;
    for (const key of said.wrongTimes())
      this.#logLimit(`time ${key}`).log((count) =>
        this.#parts.logger.warn(
          { eventType, messageId, count },
          `'${key}' of a notification ('${eventType}') is not a time, and is not passed on`,
        ),
      );
  }

  #logLimit(kind: string): LogLimit {
    const limit = this.#logs.get(kind) ?? new LogLimit(this.#parts.clock, this.#stopping.signal);
    this.#logs.set(kind, limit);
    return limit;
  }

  #notifyObserver(notification: Notification): void {
    const { observer, logger } = this.#parts;
    if (observer?.eventTypes.includes(notification.eventType) !== true) return;
    try {
      observer.observe(notification, this.#stopping.signal);
    } catch (error) {
      logger.error({}, `the last reading of an instance was not requested: ${pluginFailure(error)}`);
    }
  }

  async #translated(
    notification: Notification,
    { fields }: UnwrappedNotification,
    handlers: readonly ActiveHandler[],
  ): Promise<Work> {
    const { eventType, messageId } = notification;
    if (handlers.length === 0) this.#metrics.unwanted.inc();
    const { messages, samples, failures } = await translate(
      notification,
      handlers,
      this.#origin,
      this.#metrics.plugins.called,
    );
    if (failures.length === 0) return { publish: messages, samples, deadLetters: [] };

    const reason = failures.map(({ plugin, reason: why }) => `failed: plugin '${plugin}': ${why}`).join('; ');
    return {
      publish: messages,
      samples,
      deadLetters: [{ reason, part: { body: this.#seal.put(reducedNotification(fields)) } }],
      onDeadLetters: () => {
        for (const { plugin } of failures) this.#metrics.plugins.failed(plugin);
        this.#logDeadLetter({ eventType, messageId, plugins: failures.map(({ plugin }) => plugin) }, reason);
      },
    };
  }
}
