import { NephoscopeError, describeError, isBoundBy, isNephoscopeError } from '@nephoscope/core';
import type {
  DeadLetter,
  DeadLetterPart,
  DeadLetterVerdict,
  Delivery,
  Health,
  Leadership,
  MessageBus,
  OutgoingMessage,
  PluginSettings,
  QueueTopology,
  Subscription,
  TransientQueue,
} from '@nephoscope/core';
import type { ConsumeMessage } from 'amqplib';

import { Consumer } from './consumer.js';
import type { ConsumerSettings } from './consumer.js';
import { DeadLetterSweep } from './dead-letter-sweep.js';
import { compressionOf, deadLetterOf } from './dead-letters.js';
import { Declarations } from './declarations.js';
import { LockRequest } from './lock-request.js';
import type { Connection } from './open-connection.js';
import type { AmqpOptions } from './options.js';
import { settlesWithin } from './promises.js';
import { Publisher } from './publisher.js';
import type { Outgoing } from './publisher.js';
import { ReconnectingConnection } from './reconnecting.js';
import { declareTransient } from './transient-queue.js';

/** How long `stop` waits for confirmations that are still out, and for settled deliveries to reach the broker, ms. */
const confirmGrace = 3_000;
const settleGrace = 1_000;

/**
 * MessageBus on RabbitMQ. Publishing and consuming have a connection each, because RabbitMQ stops reading
 * from a connection that publishes while memory or disk is short: acknowledgements must get through then,
 * they are what frees it. The consuming one is made with the first consumer. Locks have a third, made with the
 * first, since their notes must travel on the channel that holds them.
 */
export class AmqpBus implements MessageBus {
  readonly #settings: PluginSettings<AmqpOptions>;
  readonly #publisher: Publisher;
  readonly #declarations: Declarations;
  readonly #consumers = new Set<Consumer>();
  /** Those that wait and those that hold a lock. */
  readonly #locks = new Set<LockRequest>();
  readonly #sweeps = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();
  #publishing: ReconnectingConnection | undefined;
  #consuming: ReconnectingConnection | undefined;
  #leading: ReconnectingConnection | undefined;
  /** Their latest connections, known from the moment that what was asked for so far is set up on them. */
  #consumingOn: Connection | undefined;
  #leadingOn: Connection | undefined;
  /** It was connected once, and reconnects by itself since. */
  #isUp = false;
  #stopped: Promise<void> | undefined;

  constructor(settings: PluginSettings<AmqpOptions>) {
    this.#settings = settings;
    this.#publisher = new Publisher(settings.options.confirmTimeout, settings.clock);
    this.#declarations = new Declarations(settings);
  }

  /**
   * Resolves when connected and everything is declared. While the broker is away it tries again until
   * `signal` is aborted; each failure is logged and shown by `health`.
   *
   * @throws BUS_REFUSED (user, password, virtual host) or BUS_TLS at once; BUS_UNAVAILABLE when aborted, with the last failure
   */
  async start(signal: AbortSignal): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    if (this.#publishing !== undefined)
      throw new NephoscopeError('BUS_UNAVAILABLE', 'the bus was started already');
    const until = AbortSignal.any([signal, this.#stopping.signal]);
    this.#publishing = this.#newConnection('publish', (connection) => this.#setUpPublishing(connection));
    try {
      await this.#publishing.start(until);
      if (this.#consumers.size > 0) await this.#startConsuming(until);
      this.#isUp = true;
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
      prepare: async (model) => ((await this.#declarations.prepare(model, queue)) ? queue : undefined),
      handler: (message, settling) =>
        handler({
          body: message.content,
          contentType: message.properties.contentType as string | undefined,
          compression: compressionOf(message),
          routingKey: message.fields.routingKey,
          redelivered: message.fields.redelivered,
          get isGone() {
            return settling.isGone();
          },
          ack: settling.ack,
          requeue: settling.requeue,
          deadLetter: (reason, part) => this.#deadLetter(queue, message, reason, part),
        }),
    });
  }

  /** Of a queue that is not declared here, its dead letters are in `<queue>.dead`; neither is declared for this. */
  async sweepDeadLetters(
    queue: string,
    decide: (letter: DeadLetter) => DeadLetterVerdict | Promise<DeadLetterVerdict>,
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
      prepare: (model) => declareTransient(model, queue, this.#settings.logger),
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
    void lock.over.then(() => this.#locks.delete(lock));
    if (this.#leadingOn !== undefined) void lock.run(this.#leadingOn);
    else void this.#startLeading();
    return lock.granted;
  }

  health(): Health {
    if (this.#stopped !== undefined) return { ok: false, reason: 'the bus was stopped' };
    if (this.#publishing === undefined) return { ok: false, reason: 'the bus was not started' };
    for (const connection of [this.#publishing, this.#consuming, this.#leading]) {
      if (connection !== undefined && connection.connection === undefined)
        return { ok: false, reason: describeError(connection.problem) };
    }
    for (const { problem } of this.#consumers) {
      if (problem !== undefined) return { ok: false, reason: problem };
    }
    return this.#publisher.health();
  }

  #newConnection(purpose: string, setUp: (connection: Connection) => Promise<void>): ReconnectingConnection {
    const { host, options, logger, clock } = this.#settings;
    return new ReconnectingConnection({
      name: `nephoscope ${purpose} ${host} ${process.pid}`,
      options,
      logger,
      clock,
      setUp,
    });
  }

  async #startConsuming(signal: AbortSignal): Promise<void> {
    const consuming = this.#newConnection('consume', (connection) => {
      this.#consumingOn = connection;
      for (const consumer of this.#consumers) void consumer.run(connection);
      return Promise.resolve();
    });
    this.#consuming = consuming;
    try {
      await consuming.start(signal);
    } catch (error) {
      this.#consuming = undefined;
      throw error;
    }
  }

  async #addConsumer(settings: Omit<ConsumerSettings, 'clock' | 'logger'>): Promise<Subscription> {
    this.#stopping.signal.throwIfAborted();
    const { clock, logger } = this.#settings;
    const consumer = new Consumer({ ...settings, clock, logger });
    this.#consumers.add(consumer);
    void consumer.over.then(() => this.#consumers.delete(consumer));
    // Before, the start sees to it.
    if (this.#isUp || this.#publishing?.connection !== undefined) {
      if (this.#consumingOn !== undefined) void consumer.run(this.#consumingOn);
      const attempt =
        this.#consuming === undefined
          ? this.#startConsuming(this.#stopping.signal).then(() => consumer.first)
          : consumer.first;
      try {
        // A broker that went away meanwhile is no failure: then it consumes when it is back.
        if (await settlesWithin(this.#settings.options.connectTimeout, attempt)) await attempt;
      } catch (error) {
        await consumer.close(0);
        throw error;
      }
    }
    return { cancel: () => consumer.cancel() };
  }

  /** Never rejects: its failure is that of all who ask. */
  async #startLeading(): Promise<void> {
    if (this.#leading !== undefined) return;
    const leading = this.#newConnection('lead', (connection) => {
      this.#leadingOn = connection;
      for (const lock of this.#locks) void lock.run(connection);
      return Promise.resolve();
    });
    this.#leading = leading;
    try {
      await leading.start(this.#stopping.signal);
    } catch (error) {
      this.#leading = undefined;
      for (const lock of this.#locks) lock.fail(error as Error);
    }
  }

  async #setUpPublishing(connection: Connection): Promise<void> {
    const { model, lost, destroy } = connection;
    await this.#declarations.declareOn(connection);
    const openChannel = async () => {
      const channel = await connection.answer('the wish for a channel', model.createConfirmChannel());
      // An error of a channel that publishes is one of ours: the connection is made anew, and all is declared again.
      channel.on('error', (error) => destroy(error));
      return channel;
    };
    model.on('blocked', (reason) => this.#publisher.block(reason));
    model.on('unblocked', () => this.#publisher.block(undefined));
    lost.addEventListener('abort', () => this.#publisher.detach(lost.reason as NephoscopeError));
    await this.#publisher.attach(openChannel);
  }

  /** Publishes; when no queue takes it although we declared one of `ours`, somebody deleted it: declares and publishes again. */
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
    await Promise.all([
      ...[...this.#consumers].map((consumer) => consumer.close(settleGrace)),
      ...[...this.#locks].map((lock) => lock.release()),
      settlesWithin(settleGrace, Promise.all(this.#sweeps)),
    ]);
    await this.#disconnect();
    this.#publisher.detach(this.#stopping.signal.reason as NephoscopeError);
  }

  async #disconnect(): Promise<void> {
    await Promise.all([this.#publishing?.stop(), this.#consuming?.stop(), this.#leading?.stop()]);
    this.#publishing = this.#consuming = this.#leading = undefined;
    this.#consumingOn = this.#leadingOn = undefined;
  }
}
