import { Backoff, NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Logger, QueueTopology } from '@nephoscope/core';
import type { ChannelModel } from 'amqplib';

import type { Connection } from './open-connection.js';
import type { QueueTypes } from './queue-types.js';
import { bindWhereThere, declareTopology } from './topology.js';

/** Longest pause between two looks for an exchange that is not there, ms: what its service says meanwhile is lost. */
const longestPause = 10_000;

/** For so long after a connection was lost, ms, they are short: the services are coming back. */
const hurry = 60_000;
const longestHurriedPause = 500;

/** Time until a binding is made again, ms: nothing tells that the exchange was deleted and declared anew. */
const bindAgainAfter = 30_000;

export interface ForeignBindingSettings {
  /** The topology, as it is known now. */
  topology(): QueueTopology;
  readonly queueTypes: QueueTypes;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps a queue of ours bound to an exchange that others declare, and tells the log when that changes. */
export class ForeignBinding {
  readonly #settings: ForeignBindingSettings;
  #state: string | undefined;
  /** Since when the exchange may be there without our queue, ns since 1970; undefined while it is bound, and before the first look. */
  #unboundSince: bigint | undefined;
  #lostAt: bigint | undefined;

  constructor(settings: ForeignBindingSettings) {
    this.#settings = settings;
  }

  /**
   * Declares what is ours, and binds it if the exchange is there; returns whether it is.
   *
   * @throws BUS_TOPOLOGY when the broker does not make our queue
   */
  async bind(model: ChannelModel): Promise<boolean> {
    const { queueTypes, logger } = this.#settings;
    const topology = this.#settings.topology();
    const { exchange, queue } = topology;
    await declareTopology(model, topology, queueTypes, logger);
    try {
      const there = await bindWhereThere(model, topology);
      if (there) this.#endGap(topology);
      // Nobody can tell it anything.
      else this.#unboundSince = this.#settings.clock.now();
      if (there) this.#tell('bound', () => logger.info({ exchange, queue }, `exchange '${exchange}' is bound`));
      else
        this.#tell('absent', () => logger.warn({ exchange }, `exchange '${exchange}' is not there yet, waiting`));
      return there;
    } catch (error) {
      if (!(error instanceof NephoscopeError)) throw error;
      this.#tell(describeError(error), () =>
        logger.warn({ err: error, exchange, queue }, `exchange '${exchange}' cannot be bound, trying again`),
      );
      return false;
    }
  }

  /** Binds on this connection, again and again, until it is lost. Never rejects. */
  async keep({ model, lost }: Connection, isBound: boolean): Promise<void> {
    const { clock, logger } = this.#settings;
    const backoff = new Backoff(200, longestPause);
    const hurried = new Backoff(25, longestHurriedPause);
    const onLost = () => {
      this.#lostAt = clock.monotonic();
      this.#unboundSince ??= clock.now();
    };
    if (lost.aborted) onLost();
    lost.addEventListener('abort', onLost, { once: true });
    for (let bound = isBound; ;) {
      if (bound) backoff.reset();
      const pause = this.#isHurried() ? hurried.next() : backoff.next();
      await clock.sleep(bound ? bindAgainAfter : pause, lost).catch(() => undefined);
      if (lost.aborted) return;
      try {
        bound = await this.bind(model);
      } catch (error) {
        if (lost.aborted) return;
        bound = false;
        logger.warn({ err: error, queue: this.#settings.topology().queue }, 'what was declared is gone');
      }
    }
  }

  #isHurried(): boolean {
    return (
      this.#lostAt !== undefined && this.#settings.clock.monotonic() - this.#lostAt < BigInt(hurry) * 1_000_000n
    );
  }

  #endGap({ exchange, queue, onGap }: QueueTopology): void {
    const from = this.#unboundSince;
    if (from === undefined) return;
    this.#unboundSince = undefined;
    const { clock, logger } = this.#settings;
    const [since, until] = [from, clock.now()].map((time) => new Date(Number(time / 1_000_000n)).toISOString());
    logger.warn(
      { exchange, queue, from: since, until },
      `what exchange '${exchange}' was told between ${since} and ${until} may be lost: an exchange that is not durable ` +
        'goes when RabbitMQ restarts, and our binding with it; durable ones (`amqp_durable_queues`) stay',
    );
    onGap?.(from);
  }

  #tell(state: string, tell: () => void): void {
    if (state !== this.#state) tell();
    this.#state = state;
  }
}
