import { Backoff, LogLimit } from '@nephoscope/async';
import { NephoscopeError, isPermanentError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';

import { openConnection } from './open-connection.js';
import type { Connection } from './open-connection.js';
import type { BusOptions } from './options.js';
import { whenAborted } from './promises.js';

/**
 * Pauses after a connection was lost, ms: at first shorter than the services' (oslo.messaging starts with 1 s), which
 * would otherwise reconnect first and publish notifications before our queue is bound; later suited to a fleet without
 * its broker.
 */
const quick = { first: 25, longest: 250, during: 60_000 };
const pauses = { first: 100, longest: 30_000 };

export interface ReconnectingSettings {
  /** The name that the broker shows for the connection. */
  readonly name: string;
  readonly options: BusOptions;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Whether a refused login is final: when this user has no connection yet. */
  readonly givesUp: boolean;
  /** Runs on every new connection before it counts as up. */
  setUp(connection: Connection): Promise<void>;
}

/** A connection that is reopened, node by node and with growing pauses, whenever it breaks, until it is stopped. */
export class ReconnectingConnection {
  readonly #settings: ReconnectingSettings;
  readonly #stopping = new AbortController();
  #connection: Connection | undefined;
  #problem = new NephoscopeError('BUS_UNAVAILABLE', 'not connected to RabbitMQ yet');
  #running: Promise<void> | undefined;

  constructor(settings: ReconnectingSettings) {
    this.#settings = settings;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Why there is no connection. */
  get problem(): NephoscopeError {
    return this.#problem;
  }

  /**
   * Resolves at the first connection. Retries until `signal` is aborted, except after errors that only the operator can
   * fix.
   *
   * @throws BUS_REFUSED or BUS_TLS at once, if it gives up; BUS_UNAVAILABLE with the last failure when `signal` is
   * aborted
   */
  async start(signal: AbortSignal): Promise<void> {
    const abort = () => this.#stopping.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#running = this.#keepConnected(resolve).then(() => reject(this.#problem), reject);
      });
    } catch (error) {
      if (!this.#stopping.signal.aborted) throw error;
      throw new NephoscopeError('BUS_UNAVAILABLE', `gave up connecting: ${this.#problem.message}`, {
        cause: this.#stopping.signal.reason,
      });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Closes the connection and opens no other. */
  async stop(): Promise<void> {
    this.#stopping.abort(new NephoscopeError('BUS_UNAVAILABLE', 'the bus was stopped'));
    await this.#connection?.close();
    await this.#running;
  }

  async #keepConnected(onFirst: () => void): Promise<void> {
    const { name, options, logger, clock, setUp, givesUp } = this.#settings;
    const stopping = this.#stopping.signal;
    const hurried = new Backoff(quick.first, quick.longest);
    const backoff = new Backoff(pauses.first, pauses.longest);
    // For each outage.
    let log = new LogLimit(clock, stopping);
    let lostAt: bigint | undefined;
    for (let attempt = 0; !stopping.aborted; attempt++) {
      const broker = options.url[attempt % options.url.length]!;
      try {
        const connection = await openConnection(broker, options, name, setUp, stopping);
        if (stopping.aborted) return await connection.close();
        this.#connection = connection;
        const tries = log.over();
        logger.info(
          { broker: broker.toString(), connection: name, ...(tries > 0 && { tries }) },
          'connected to RabbitMQ',
        );
        backoff.reset();
        hurried.reset();
        log = new LogLimit(clock, stopping);
        onFirst();
        await whenAborted(connection.lost);
        this.#connection = undefined;
        lostAt = clock.monotonic();
        if (stopping.aborted) return;
        throw connection.lost.reason;
      } catch (error) {
        if (stopping.aborted) return;
        this.#problem = error as NephoscopeError;
        if (givesUp && lostAt === undefined && isPermanentError(error)) throw error;
      }
      const isFresh = lostAt !== undefined && Number((clock.monotonic() - lostAt) / 1_000_000n) < quick.during;
      const pause = (isFresh ? hurried : backoff).next();
      log.log((tries) =>
        logger.warn(
          { err: this.#problem, connection: name, retryInMs: pause, tries },
          'no connection to RabbitMQ',
        ),
      );
      await clock.sleep(pause, stopping).catch(() => undefined);
    }
  }
}
