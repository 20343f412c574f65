import { setMaxListeners } from 'node:events';

import { NephoscopeError } from '@nephoscope/core';
import { IllegalOperationError, connect } from 'amqplib/callback_api';
import type { Channel, ConfirmChannel, Connection as Model, SocketOptions } from 'amqplib/callback_api';

import { BrokerChannel, PublishingChannel } from './broker-channel.js';
import type { BrokerUrl } from './broker-url.js';
import { connectError } from './connect-error.js';
import type { BusOptions } from './options.js';
import { whenAborted } from './promises.js';
import type { Answer, Requester } from './requester.js';
import { readTlsFiles } from './tls-files.js';

/** How long the broker has to answer that a connection is closed, ms. */
const closeGrace = 1_000;

/** TCP keepalive: idle time before the first probe, ms; then a probe each second, ten in total (libuv's settings). */
const keepAliveDelay = 10_000;

/** One connection to one broker, from login to loss. The only user of the AMQP library. */
export class Connection implements Requester {
  readonly broker: BrokerUrl;
  readonly #model: Model;
  readonly #socket: AbortController;
  readonly #answerTimeout: number;
  readonly #lost = new AbortController();
  #isBlocked = false;

  /**
   * @param model of the library, just opened, so that no event is missed
   * @param socket closes the socket when it is aborted
   * @param answerTimeout how long the broker may take to answer, ms
   */
  constructor(model: Model, broker: BrokerUrl, socket: AbortController, answerTimeout: number) {
    this.broker = broker;
    this.#model = model;
    this.#socket = socket;
    this.#answerTimeout = answerTimeout;
    // Every consumer and every exchange of a service listens to it, as long as the connection lives.
    setMaxListeners(0, this.lost);
    // After an error the library still sends a close and waits for the answer without a limit. It does not always
    // arrive.
    model.on('error', (error) => {
      this.#lose(error);
      setTimeout(() => socket.abort(), closeGrace).unref();
    });
    model.on('close', (error) => this.destroy(error));
    model.on('blocked', () => (this.#isBlocked = true));
    model.on('unblocked', () => (this.#isBlocked = false));
    const onCut = () => this.destroy(socket.signal.reason);
    if (socket.signal.aborted) onCut();
    socket.signal.addEventListener('abort', onCut);
  }

  /** Aborted when the connection is lost; the reason is BUS_UNAVAILABLE with the error that ended it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** The broker is short of memory or disk and reads nothing from this connection: it answers no request now. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /**
   * Sends a request to the broker. All requests go through here, because the library never calls back if the connection
   * is lost before or during the request. Without an answer in time it is unknown what the broker has done or will do,
   * and later requests on that channel are not answered either: the connection is closed, and everything is repeated on
   * the next one.
   *
   * @param what is requested, for error messages: 'declaring queue …'
   * @param over ends the request: the signal of the channel it is sent on
   * @param within how long the broker may take, ms
   * @throws the broker's error with its code; otherwise BUS_UNAVAILABLE
   */
  async ask<T>(
    what: string,
    request: (answer: Answer<T>) => void,
    over: AbortSignal = this.lost,
    within: number = this.#answerTimeout,
  ): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let onOver: () => void = () => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        onOver = () => reject(this.#unanswered(what, over.reason));
        if (over.aborted) return onOver();
        over.addEventListener('abort', onOver, { once: true });
        timer = setTimeout(() => {
          const text = `${this.broker.toString()}: no answer within ${within / 1_000} s while ${what}`;
          const late = new NephoscopeError('BUS_UNAVAILABLE', text);
          reject(late);
          this.destroy(late);
        }, within);
        request((error, answer) => (error ? reject(error) : resolve(answer)));
      });
    } catch (error) {
      if (isRefusal(error) || error instanceof NephoscopeError) throw error;
      throw this.#unanswered(what, over.reason ?? error);
    } finally {
      clearTimeout(timer);
      over.removeEventListener('abort', onOver);
    }
  }

  /** @throws BUS_UNAVAILABLE */
  openChannel(): Promise<BrokerChannel> {
    return this.#open(
      (answer) => this.#model.createChannel(answer),
      (channel) => new BrokerChannel(this, channel),
    );
  }

  /** @throws BUS_UNAVAILABLE */
  openPublishingChannel(): Promise<PublishingChannel> {
    return this.#open<ConfirmChannel, PublishingChannel>(
      (answer) => this.#model.createConfirmChannel(answer),
      (channel) => new PublishingChannel(this, channel),
    );
  }

  /** Called with the broker's reason when it blocks publishing, and with undefined when it unblocks it. */
  onBlocked(listener: (reason: string | undefined) => void): void {
    this.#model.on('blocked', listener);
    this.#model.on('unblocked', () => listener(undefined));
  }

  /** Closes it in an orderly way, or by force if the broker does not answer in 1 s. Never rejects. */
  async close(): Promise<void> {
    try {
      await this.ask<void>(
        'closing the connection',
        (answer) => this.#model.close(answer as () => void),
        this.lost,
        closeGrace,
      );
    } catch {
      // Already closed.
    }
    this.destroy(undefined);
  }

  /** Closes the socket, for this reason. */
  destroy(reason: unknown): void {
    this.#lose(reason);
    this.#socket.abort();
  }

  #lose(cause: unknown): void {
    if (this.lost.aborted) return;
    const text = `${this.broker.toString()}: the connection was lost`;
    this.#lost.abort(new NephoscopeError('BUS_UNAVAILABLE', text, cause === undefined ? undefined : { cause }));
  }

  /** The library does not report why there is no answer or no connection. */
  #unanswered(what: string, cause: unknown): Error {
    const text = `${this.broker.toString()}: no answer while ${what}`;
    return (this.lost.reason as Error | undefined) ?? new NephoscopeError('BUS_UNAVAILABLE', text, { cause });
  }

  /** The library hands a channel over before the broker has answered, so that no event of it is missed. */
  async #open<C extends Channel, B>(create: (answer: Answer<C>) => C, wrap: (channel: C) => B): Promise<B> {
    let channel: B | undefined;
    await this.ask<C>('opening a channel', (answer) => {
      try {
        channel = wrap(create(answer));
      } catch (error) {
        // The library has closed. If the broker's close comes with the end of the login, which a broker that stops sends so, the
        // library announces that before it hands the connection over: nobody else notices.
        if (error instanceof IllegalOperationError) this.destroy(error);
        throw error;
      }
    });
    return channel as B;
  }
}

/**
 * Connects and logs in within the connect timeout, and runs `setUp`, which sends requests to the broker.
 *
 * @param name what the broker shows for this connection
 * @throws BUS_UNAVAILABLE, BUS_REFUSED, BUS_TLS, what `setUp` throws, or the signal's reason
 */
export async function openConnection(
  broker: BrokerUrl,
  options: BusOptions,
  name: string,
  setUp: (connection: Connection) => Promise<void>,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted();
  // Aborting destroys the socket, at any stage: the library by itself only half-closes it, which with a frozen broker
  // leaves a handle for ever.
  const socket = new AbortController();
  const abort = () => socket.abort(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    const connection = await logIn(broker, options, name, socket);
    await Promise.race([setUp(connection), whenAborted(connection.lost)]);
    connection.lost.throwIfAborted();
    return connection;
  } catch (error) {
    socket.abort();
    signal.throwIfAborted();
    throw connectError(error, broker);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Ends in time, and with `socket`, whatever the library does. @throws the library's error, BUS_UNAVAILABLE, BUS_TLS */
async function logIn(
  broker: BrokerUrl,
  options: BusOptions,
  name: string,
  socket: AbortController,
): Promise<Connection> {
  const { connectTimeout, heartbeat } = options;
  const url = {
    protocol: broker.tls ? 'amqps' : 'amqp',
    hostname: broker.hostname,
    port: broker.port,
    username: broker.username,
    password: broker.password.reveal(),
    vhost: encodeURIComponent(broker.vhost),
    heartbeat,
  };
  const given = await socketOptions(broker, options, name, socket.signal);
  const { signal } = socket;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: () => void = () => undefined;
  try {
    return await new Promise<Connection>((resolve, reject) => {
      onAbort = () => reject(signal.reason as Error);
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      timer = setTimeout(() => {
        const text = `${broker.toString()}: no answer within ${connectTimeout / 1_000} s: is it an AMQP broker, not frozen, and no firewall between?`;
        reject(new NephoscopeError('BUS_UNAVAILABLE', text));
        socket.abort();
      }, connectTimeout);
      connect(url, given, (error: Error | null, model) => {
        // Listened to at once, because the end may be the next event; a connection that is too late is handled too.
        if (error) reject(error);
        else resolve(new Connection(model, broker, socket, connectTimeout));
      });
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

async function socketOptions(
  broker: BrokerUrl,
  { tls }: BusOptions,
  name: string,
  signal: AbortSignal,
): Promise<SocketOptions> {
  const options = {
    noDelay: true,
    // Unlike a heartbeat it wakes no program.
    keepAlive: true,
    keepAliveDelay,
    signal,
    clientProperties: { connection_name: name, product: 'Nephoscope' },
    ...(broker.tls && (await readTlsFiles(tls))),
  };
  return options;
}

/** The broker's error; the library passes its code on. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}
