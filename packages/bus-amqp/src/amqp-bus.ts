import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';
import type {
  Delivery,
  Health,
  MessageBus,
  OutgoingMessage,
  PluginSettings,
  QueueTopology,
  Subscription,
} from '@nephoscope/core';
import type { ChannelModel, ConsumeMessage } from 'amqplib';

import { Consumer } from './consumer.js';
import type { Connection } from './open-connection.js';
import type { AmqpOptions } from './options.js';
import { settlesWithin } from './promises.js';
import { Publisher } from './publisher.js';
import type { Outgoing } from './publisher.js';
import { ReconnectingConnection } from './reconnecting.js';
import { declareTopology } from './topology.js';

/** How long `stop` waits for confirmations that are still out, and for settled deliveries to reach the broker, ms. */
const confirmGrace = 3_000;
const settleGrace = 1_000;

/** Characters of a dead letter's reason: headers must fit into one frame. */
const longestReason = 2_000;

/**
 * MessageBus on RabbitMQ. Publishing and consuming have a connection each, because RabbitMQ stops reading
 * from a connection that publishes while memory or disk is short: acknowledgements must get through then,
 * they are what frees it. The consuming one is made with the first consumer.
 */
export class AmqpBus implements MessageBus {
  readonly #settings: PluginSettings<AmqpOptions>;
  readonly #publisher: Publisher;
  /** By queue and exchange: a queue may be bound to several. */
  readonly #topologies = new Map<string, QueueTopology>();
  readonly #consumers = new Set<Consumer>();
  readonly #stopping = new AbortController();
  #publishing: ReconnectingConnection | undefined;
  #consuming: ReconnectingConnection | undefined;
  /** Their latest connections, known from the moment that what was asked for so far is set up on them. */
  #publishingOn: Connection | undefined;
  #consumingOn: Connection | undefined;
  #redeclaring: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(settings: PluginSettings<AmqpOptions>) {
    this.#settings = settings;
    this.#publisher = new Publisher(settings.options.confirmTimeout);
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
    } catch (error) {
      await this.#disconnect();
      throw error;
    }
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async declare(topology: QueueTopology): Promise<void> {
    const key = JSON.stringify([topology.queue, topology.exchange]);
    const known = this.#topologies.get(key);
    this.#topologies.set(key, {
      ...topology,
      bindings: [...new Set([...(known?.bindings ?? []), ...topology.bindings])],
    });
    const connection = this.#publishingOn;
    if (connection === undefined || connection.lost.aborted) return;
    try {
      await declareTopology(connection.model, topology, this.#settings.logger);
    } catch (error) {
      // Then the next connection declares it.
      if (connection.lost.aborted) return;
      if (known === undefined) this.#topologies.delete(key);
      else this.#topologies.set(key, known);
      throw error;
    }
  }

  async publish(message: OutgoingMessage): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    await this.#publishDeclared(message, ({ exchange }) => exchange === message.exchange);
  }

  async consume(
    queue: string,
    { prefetch }: { readonly prefetch: number },
    handler: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    this.#stopping.signal.throwIfAborted();
    const { clock, logger } = this.#settings;
    const consumer = new Consumer({
      queue,
      prefetch,
      handler,
      clock,
      logger,
      declare: (model) => this.#declareAll(model, (topology) => topology.queue === queue),
      deadLetter: (message, reason, body) => this.#deadLetter(queue, message, reason, body),
    });
    this.#consumers.add(consumer);
    if (this.#publishing?.connection !== undefined) {
      if (this.#consumingOn !== undefined) void consumer.run(this.#consumingOn);
      const attempt =
        this.#consuming === undefined
          ? this.#startConsuming(this.#stopping.signal).then(() => consumer.first)
          : consumer.first;
      try {
        // A broker that went away meanwhile is no failure: then it consumes when it is back.
        if (await settlesWithin(this.#settings.options.connectTimeout, attempt)) await attempt;
      } catch (error) {
        this.#consumers.delete(consumer);
        await consumer.close(0);
        throw error;
      }
    }
    return { cancel: () => consumer.cancel() };
  }

  health(): Health {
    if (this.#stopped !== undefined) return { ok: false, reason: 'the bus was stopped' };
    if (this.#publishing === undefined) return { ok: false, reason: 'the bus was not started' };
    for (const connection of [this.#publishing, this.#consuming]) {
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

  async #setUpPublishing(connection: Connection): Promise<void> {
    const { model, lost, destroy } = connection;
    this.#publishingOn = connection;
    await this.#declareAll(model);
    const channel = await model.createConfirmChannel();
    // Without its channel the connection is of no use: both are made anew, and everything is declared again.
    channel.on('error', (error) => destroy(error));
    channel.on('close', () => destroy(new Error('the channel was closed')));
    model.on('blocked', (reason) => this.#publisher.block(reason));
    model.on('unblocked', () => this.#publisher.block(undefined));
    lost.addEventListener('abort', () => this.#publisher.detach(lost.reason as NephoscopeError));
    this.#publisher.attach(channel);
  }

  async #declareAll(model: ChannelModel, which: (topology: QueueTopology) => boolean = () => true): Promise<void> {
    for (const topology of this.#topologies.values()) {
      if (which(topology)) await declareTopology(model, topology, this.#settings.logger);
    }
  }

  /** Publishes; when no queue takes it although we declared one of `ours`, somebody deleted it: declares and publishes again. */
  async #publishDeclared(message: Outgoing, ours: (topology: QueueTopology) => boolean): Promise<void> {
    try {
      await this.#publisher.publish(message);
    } catch (error) {
      if (!isNephoscopeError(error, 'BUS_UNROUTABLE') || ![...this.#topologies.values()].some(ours)) throw error;
      await this.#redeclare();
      await this.#publisher.publish(message);
    }
  }

  async #redeclare(): Promise<void> {
    const connection = this.#publishingOn;
    try {
      connection?.lost.throwIfAborted();
      if (connection !== undefined) await (this.#redeclaring ??= this.#declareAll(connection.model));
    } catch (error) {
      throw new NephoscopeError(
        'BUS_UNAVAILABLE',
        'what was declared is gone from RabbitMQ and could not be declared again yet',
        { cause: error },
      );
    } finally {
      this.#redeclaring = undefined;
    }
  }

  async #deadLetter(
    queue: string,
    { properties, fields }: ConsumeMessage,
    reason: string,
    body: Uint8Array,
  ): Promise<void> {
    const topology = [...this.#topologies.values()].find((each) => each.queue === queue);
    if (topology === undefined) {
      throw new NephoscopeError(
        'BUS_UNROUTABLE',
        `queue '${queue}' has no dead letters here: declare it before consuming it`,
      );
    }
    const headers = {
      ...small(properties.headers),
      'x-reason': reason.slice(0, longestReason),
      'x-original-exchange': fields.exchange,
      'x-original-routing-key': fields.routingKey,
      'x-dead-lettered-at': new Date(Number(this.#settings.clock.now() / 1_000_000n)).toISOString(),
    };
    const contentType = properties.contentType as string | undefined;
    await this.#publishDeclared(
      { exchange: '', routingKey: topology.deadLetterQueue, contentType, headers, body },
      (each) => each === topology,
    );
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new NephoscopeError('BUS_UNAVAILABLE', 'the bus was stopped'));
    await this.#publisher.idle(confirmGrace);
    await Promise.all([...this.#consumers].map((consumer) => consumer.close(settleGrace)));
    await this.#disconnect();
    this.#publisher.detach(this.#stopping.signal.reason as NephoscopeError);
  }

  async #disconnect(): Promise<void> {
    await Promise.all([this.#publishing?.stop(), this.#consuming?.stop()]);
    this.#publishing = this.#publishingOn = undefined;
    this.#consuming = this.#consumingOn = undefined;
  }
}

/** The headers, unless they are so large that together with ours they might not fit into one frame, which kills the connection. */
function small(headers: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> {
  return headers !== undefined && JSON.stringify(headers).length <= 32_768 ? headers : {};
}
