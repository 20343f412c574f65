import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { NephoscopeError } from '@nephoscope/core';
import { connect } from 'amqplib';
import type { ChannelModel, SocketOptions } from 'amqplib';

import type { BrokerUrl } from './broker-url.js';
import { connectError } from './connect-error.js';
import type { AmqpOptions } from './options.js';
import { settlesWithin, whenAborted } from './promises.js';

/** How long the broker has to answer that a connection is closed, ms. */
const closeGrace = 1_000;

/** One connection to one broker, from log-in to loss. */
export interface Connection {
  readonly model: ChannelModel;
  readonly broker: BrokerUrl;
  /** Aborted when the connection is gone; the reason is the error that ended it. */
  readonly lost: AbortSignal;
  /**
   * What the broker answers. The library leaves whoever asked waiting for ever where the connection goes away meanwhile.
   *
   * @param what was asked for, for people
   * @throws what `answer` rejects with; BUS_UNAVAILABLE when the connection is lost, or after the connect timeout
   */
  answer<T>(what: string, answer: Promise<T>): Promise<T>;
  /** Closes it in an orderly way, by force when the broker does not answer. */
  close(): Promise<void>;
  /** Cuts the socket, for this reason. */
  destroy(reason: Error): void;
}

/**
 * Connects, logs in and runs `setUp`, all within the connect timeout.
 *
 * @param name what the broker shows for this connection
 * @throws BUS_UNAVAILABLE, BUS_REFUSED, BUS_TLS, what `setUp` throws, or the signal's reason
 */
export async function openConnection(
  broker: BrokerUrl,
  options: AmqpOptions,
  name: string,
  setUp: (connection: Connection) => Promise<void>,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted();
  // Aborting destroys the socket, at any stage: the library by itself only half-closes it, which against a
  // frozen broker leaves a handle for ever.
  const socket = new AbortController();
  const lost = new AbortController();
  // Every consumer and every exchange of others listens to it, for as long as the connection lives.
  setMaxListeners(0, lost.signal);
  const abort = () => socket.abort(signal.reason);
  signal.addEventListener('abort', abort);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    socket.abort();
  }, options.connectTimeout);
  try {
    const model = await connect(
      {
        protocol: broker.tls ? 'amqps' : 'amqp',
        hostname: broker.hostname,
        port: broker.port,
        username: broker.username,
        password: broker.password.reveal(),
        vhost: encodeURIComponent(broker.vhost),
        heartbeat: options.heartbeat,
      },
      await socketOptions(broker, options, name, socket.signal),
    );
    const connection = watch(model, broker, socket, lost, options.connectTimeout);
    await Promise.race([setUp(connection), whenAborted(lost.signal)]);
    lost.signal.throwIfAborted();
    return connection;
  } catch (error) {
    socket.abort();
    signal.throwIfAborted();
    if (timedOut) {
      throw new NephoscopeError(
        'BUS_UNAVAILABLE',
        `${broker.toString()}: no answer within ${options.connectTimeout / 1_000} s: is it an AMQP broker, not frozen, and no firewall between?`,
        { cause: error },
      );
    }
    throw connectError(error, broker);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

async function socketOptions(
  broker: BrokerUrl,
  { tls }: AmqpOptions,
  name: string,
  signal: AbortSignal,
): Promise<SocketOptions> {
  const read = async (file: string | undefined) => {
    if (file === undefined || !broker.tls) return undefined;
    try {
      return await readFile(file);
    } catch (error) {
      throw new NephoscopeError('BUS_TLS', `cannot read ${file}, named in the bus's TLS options`, {
        cause: error,
      });
    }
  };
  const [ca, cert, key] = await Promise.all([read(tls.caFile), read(tls.certFile), read(tls.keyFile)]);
  const options = {
    noDelay: true,
    signal,
    clientProperties: { connection_name: name, product: 'Nephoscope' },
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  };
  return options;
}

function watch(
  model: ChannelModel,
  broker: BrokerUrl,
  socket: AbortController,
  lost: AbortController,
  answerTimeout: number,
): Connection {
  let cutBecause: Error | undefined;
  // Told again by 'close'; without a listener it would throw.
  model.on('error', () => undefined);
  model.on('close', (error) => {
    const cause = error?.name === 'AbortError' ? cutBecause : error;
    lost.abort(new NephoscopeError('BUS_UNAVAILABLE', `${broker.toString()}: the connection was lost`, { cause }));
    socket.abort();
  });
  return {
    model,
    broker,
    lost: lost.signal,
    destroy(reason) {
      cutBecause ??= reason;
      socket.abort();
    },
    async answer(what, answer) {
      const isOver = new AbortController();
      const lostOrLate = Promise.race([
        whenAborted(AbortSignal.any([lost.signal, isOver.signal])).then(() => lost.signal.throwIfAborted()),
        delay(answerTimeout, undefined, { signal: isOver.signal, ref: false }).then(
          () => {
            throw new NephoscopeError(
              'BUS_UNAVAILABLE',
              `${broker.toString()}: no answer to ${what} within ${answerTimeout / 1_000} s`,
            );
          },
          () => undefined,
        ),
      ]);
      try {
        return (await Promise.race([answer, lostOrLate])) as Awaited<typeof answer>;
      } finally {
        isOver.abort();
      }
    },
    async close() {
      // The library settles its promise only by the broker's answer, which may never come.
      await settlesWithin(closeGrace, Promise.race([model.close(), whenAborted(lost.signal)]));
      socket.abort();
    },
  };
}
