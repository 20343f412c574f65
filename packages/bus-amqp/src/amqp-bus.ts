import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';
import type { Health, PluginSettings } from '@nephoscope/core';
import { isBoundBy } from '@nephoscope/core/message-bus';
import type {
  DeadLetter,
  DeadLetterPart,
  DeadLetterVerdict,
  Delivery,
  Leadership,
  MessageBus,
  OutgoingMessage,
  QueueTopology,
  Subscription,
  TransientQueue,
} from '@nephoscope/core/message-bus';

import type { ConsumeMessage } from './broker-channel.js';
import { Consumer } from './consumer.js';
import type { ConsumerSettings } from './consumer.js';
import { DeadLetterSweep } from './dead-letter-sweep.js';
import { attemptsOf, compressionOf, deadLetterOf } from './dead-letters.js';
import { Declarations } from './declarations.js';
import { LockRequest } from './lock-request.js';
import type { Connection } from './open-connection.js';
import type { AmqpOptions, BusOptions } from './options.js';
import { Policies } from './policies.js';
import { settlesWithin } from './promises.js';
import { Publisher } from './publisher.js';
import type { Outgoing } from './publisher.js';
import { ReconnectingConnection } from './reconnecting.js';
import { Tenants } from './tenants.js';
import { timeoutsOf } from './timeouts.js';
import type { Timeouts } from './timeouts.js';
import { declareTransient } from './transient-queue.js';

/**
 * How long `stop` waits for outstanding confirmations, and for settlements to reach the broker, ms. Closing the
 * connections may take another second. The whole stop must end within 5 s; the publishers have waited before.
 */
const confirmGrace = 1_000;
const settleGrace = 1_500;
/** Seconds; a frozen program that holds a lock blocks all others for two to three of these. */
const lockHeartbeat = 20;

/**
 * MessageBus on RabbitMQ. Publishing and consuming use separate connections, because RabbitMQ stops reading from a
 * publishing connection while memory or disk is short, and acknowledgements, which free them, must still get through.
 * The consuming connection is opened with the first consumer. Locks have a third, opened with the first lock, because
 * their notes must be sent on the channel that holds them.
 */
export class AmqpBus implements MessageBus {
  readonly #settings: PluginSettings<BusOptions>;
  readonly #publisher: Publisher;
  readonly #declarations: Declarations;
  readonly #consumers: Tenants<Consumer>;
  readonly #policies: Policies;
  /** Pending and granted locks. */
  readonly #locks: Tenants<LockRequest>;
  readonly #sweeps = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();
  #publishing: ReconnectingConnection | undefined;
  /** It was connected once, and has reconnected by itself since. */
  #isUp = false;
  #stopped: Promise<void> | undefined;

  constructor(given: PluginSettings<AmqpOptions>, timeouts: Timeouts = timeoutsOf(given.options.heartbeat)) {
    const settings = { ...given, options: { ...given.options, ...timeouts } };
    this.#settings = settings;
    this.#publisher = new Publisher(timeouts.confirmTimeout, settings.clock);
    this.#declarations = new Declarations(settings);
    // The broker accepted this user before these are opened, so a refusal is temporary.
    this.#consumers = new Tenants((setUp) => this.#newConnection('consume', false, setUp));
    const heartbeat = Math.min(settings.options.heartbeat, lockHeartbeat);
    this.#locks = new Tenants((setUp) => this.#newConnection('lead', false, setUp, { heartbeat }));
    this.#policies = new Policies(settings);
  }

  /**
   * Resolves when connected and everything is declared. While the broker is unavailable it retries until `signal` is
   * aborted; each failure is logged and shown by `health`.
   *
   * @throws BUS_REFUSED (user, password, virtual host) or BUS_TLS at once; BUS_UNAVAILABLE when aborted, with the
   *   last failure
   */
  async start(signal: AbortSignal): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    if (this.#publishing !== undefined)
      throw new NephoscopeError('BUS_UNAVAILABLE', 'the bus was already started');
    const until = AbortSignal.any([signal, this.#stopping.signal]);
    this.#publishing = this.#newConnection('publish', true, (connection) => this.#setUpPublishing(connection));
    try {
      await this.#publishing.start(until);
      this.#isUp = true;
      if (!this.#consumers.isEmpty) await this.#consumers.connect(until);
    } catch (error) {
      await this.#disconnect();
      throw error;
    }
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  declare(topology: QueueTopology): Promise<void> {
    return this.#declarations.add(topology);
  }

  async publish(message: OutgoingMessage): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    const { exchange, routingKey } = message;
    await this.#publishDeclared(
      message,
      (topology) =>
        topology.exchange === exchange && topology.bindings.some((pattern) => isBoundBy(pattern, routingKey)),
    );
  }

  consume(
    queue: string,
    { prefetch }: { readonly prefetch: number },
    handler: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    return this.#addConsumer({
      queue,
      prefetch,
      prepare: async (connection) => {
        if (!(await this.#declarations.prepare(connection, queue))) return undefined;
        this.#lookForPolicies(queue, connection);
        return queue;
      },
      handler: (message, settling) =>
        handler({
          body: message.content,
          contentType: message.properties.contentType as string | undefined,
          compression: compressionOf(message),
          exchange: message.fields.exchange,
          routingKey: message.fields.routingKey,
          redelivered: message.fields.redelivered,
          attempts: attemptsOf(message),
          get isGone() {
            return settling.isGone();
          },
          ack: settling.ack,
          requeue: settling.requeue,
          deadLetter: (reason, part) => this.#deadLetter(queue, message, reason, part),
        }),
    });
  }

  /** The dead letters of a queue that is not declared here are in `<queue>.dead`; neither is declared for this. */
  async sweepDeadLetters(
    queue: string,
    decide: (deadLetter: DeadLetter) => DeadLetterVerdict | Promise<DeadLetterVerdict>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<DeadLetterVerdict, number>>> {
    this.#stopping.signal.throwIfAborted();
    const connection = this.#publishing?.connection;
    if (connection === undefined)
      throw this.#publishing?.problem ?? new NephoscopeError('BUS_UNAVAILABLE', 'the bus was not started');
    const sweep = DeadLetterSweep.run({
      connection,
      queue: this.#declarations.deadLettersOf(queue) ?? `${queue}.dead`,
      decide,
      replay: ({ contentType, compression, body }) =>
        this.#publisher.publish({
          exchange: '',
          routingKey: queue,
          contentType,
          ...(compression !== undefined && { headers: { compression } }),
          body,
        }),
      signal: AbortSignal.any([signal, this.#stopping.signal]),
    });
    this.#sweeps.add(sweep);
    return sweep.finally(() => this.#sweeps.delete(sweep));
  }

  listen(queue: TransientQueue, handler: (body: Uint8Array) => void): Promise<Subscription> {
    return this.#addConsumer({
      queue: queue.queue,
      prepare: (connection) => declareTransient(connection, queue, this.#settings.logger),
      handler: ({ content }) => handler(content),
    });
  }

  async lead(name: string, signal: AbortSignal): Promise<Leadership> {
    this.#stopping.signal.throwIfAborted();
    signal.throwIfAborted();
    if (this.#publishing === undefined) throw new NephoscopeError('BUS_UNAVAILABLE', 'the bus was not started');
    const { options, logger, clock } = this.#settings;
    const until = AbortSignal.any([signal, this.#stopping.signal]);
    const lock = new LockRequest({ name, confirmTimeout: options.confirmTimeout, logger, clock }, until);
    this.#locks.add(lock);
    // Fails only when the bus is stopped, which ends the lock too.
    void this.#locks.connect(this.#stopping.signal).catch(() => undefined);
    return lock.granted;
  }

  health(): Health {
    if (this.#stopped !== undefined) return { ok: false, reason: 'the bus was stopped' };
    if (this.#publishing === undefined) return { ok: false, reason: 'the bus was not started' };
    const problem = this.#publishing.connection === undefined ? this.#publishing.problem : undefined;
    const away = problem ?? this.#consumers.problem ?? this.#locks.problem;
    if (away !== undefined) return { ok: false, reason: describeError(away) };
    for (const { problem } of this.#consumers) {
      if (problem !== undefined) return { ok: false, reason: problem };
    }
    return this.#publisher.health();
  }

  #newConnection(
    purpose: string,
    givesUp: boolean,
    setUp: (connection: Connection) => Promise<void>,
    own: Partial<BusOptions> = {},
  ): ReconnectingConnection {
    const { host, options, logger, clock } = this.#settings;
    return new ReconnectingConnection({
      name: `nephoscope ${purpose} ${host} ${process.pid}`,
      options: { ...options, ...own },
      logger,
      clock,
      givesUp,
      setUp,
    });
  }

  async #addConsumer(settings: Omit<ConsumerSettings, 'clock' | 'logger'>): Promise<Subscription> {
    this.#stopping.signal.throwIfAborted();
    const { clock, logger, options } = this.#settings;
    const consumer = new Consumer({ ...settings, clock, logger });
    this.#consumers.add(consumer);
    // Before that, `start` handles it.
    if (this.#isUp) {
      void this.#consumers.connect(this.#stopping.signal).catch(() => undefined);
      try {
        // If the broker became unavailable meanwhile, this is not a failure: it consumes when the broker is back.
        if (await settlesWithin(options.connectTimeout, consumer.first)) await consumer.first;
      } catch (error) {
        await consumer.close(0);
        throw error;
      }
    }
    return { cancel: () => consumer.cancel() };
  }

  async #setUpPublishing(connection: Connection): Promise<void> {
    const { lost } = connection;
    await this.#declarations.declareOn(connection);
    const openChannel = async () => {
      const channel = await connection.openPublishingChannel();
      // An error on a publishing channel is our own: the connection is reopened and everything is declared again.
      channel.ended.addEventListener('abort', () => {
        if (!channel.isClosing) connection.destroy(channel.ended.reason);
      });
      return channel;
    };
    connection.onBlocked((reason) => this.#publisher.block(reason));
    lost.addEventListener('abort', () => this.#publisher.detach(lost.reason as NephoscopeError));
    await this.#publisher.attach(openChannel);
  }

  /** Not awaited: failures are only logged. */
  #lookForPolicies(queue: string, { broker }: Connection): void {
    for (const one of [queue, this.#declarations.deadLettersOf(queue)])
      if (one !== undefined) void this.#policies.look(one, broker, this.#stopping.signal);
  }

  /**
   * Publishes. If the message is unroutable although one of `ours` was declared, its queue was deleted: declares it and
   * publishes again.
   */
  async #publishDeclared(message: Outgoing, ours: (topology: QueueTopology) => boolean): Promise<void> {
    try {
      await this.#publisher.publish(message);
    } catch (error) {
      if (!isNephoscopeError(error, 'BUS_UNROUTABLE') || !this.#declarations.some(ours)) throw error;
      await this.#declarations.again();
      await this.#publisher.publish(message);
    }
  }

  async #deadLetter(queue: string, message: ConsumeMessage, reason: string, part?: DeadLetterPart): Promise<void> {
    const deadLetterQueue = this.#declarations.deadLettersOf(queue);
    if (deadLetterQueue === undefined)
      throw new NephoscopeError(
        'BUS_UNROUTABLE',
        `queue '${queue}' has no dead letters here: declare it before consuming it`,
      );
    const at = new Date(Number(this.#settings.clock.now() / 1_000_000n));
    await this.#publishDeclared(
      deadLetterOf(message, deadLetterQueue, reason, at, part),
      (topology) => topology.deadLetterQueue === deadLetterQueue,
    );
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new NephoscopeError('BUS_UNAVAILABLE', 'the bus was stopped'));
    await this.#publisher.idle(confirmGrace);
    await settlesWithin(
      settleGrace,
      Promise.all([
        ...[...this.#consumers].map((consumer) => consumer.close(settleGrace)),
        ...[...this.#locks].map((lock) => lock.release()),
        Promise.allSettled(this.#sweeps),
      ]),
    );
    await this.#disconnect();
    this.#publisher.detach(this.#stopping.signal.reason as NephoscopeError);
  }

  async #disconnect(): Promise<void> {
    this.#isUp = false;
    await Promise.all([this.#publishing?.stop(), this.#consumers.disconnect(), this.#locks.disconnect()]);
    this.#publishing = undefined;
  }
}
