import { Backoff } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { QueueTopology } from '@nephoscope/core/message-bus';

import { untilBindAgain } from './bind-again.js';
import type { Connection } from './open-connection.js';
import type { QueueTypes } from './queue-types.js';
import { BindingProbe, bindWhereThere, declareTopology, isExchangeThere } from './topology.js';

/**
 * Limits of the pause between two checks for a missing exchange, ms: a tenth of the time since it went missing.
 * Notifications published meanwhile are lost; an exchange still missing after minutes does not belong to this cloud.
 */
const shortestPause = 200;
const longestPause = 60_000;

/** The pauses stay short for this long after a connection was lost, ms, because the services reconnect too. */
const hurry = 60_000;
const longestHurriedPause = 500;

export interface ForeignBindingSettings {
  /** The current topology. */
  topology(): QueueTopology;
  readonly queueTypes: QueueTypes;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps Nephoscope's queue bound to an exchange that a service declares, and logs changes. */
export class ForeignBinding {
  readonly #settings: ForeignBindingSettings;
  #state: string | undefined;
  /**
   * Since when the exchange may have existed without the binding, ns since 1970; undefined while bound and before the
   * first check.
   */
  #unboundSince: bigint | undefined;
  #lostAt: bigint | undefined;

  constructor(settings: ForeignBindingSettings) {
    this.#settings = settings;
  }

  /**
   * Declares Nephoscope's own part and binds the queue if the exchange exists; returns whether it does.
   *
   * @throws BUS_TOPOLOGY if the broker does not declare the queue
   */
  async bind(connection: Connection): Promise<boolean> {
    const { queueTypes, logger } = this.#settings;
    const topology = this.#settings.topology();
    const { exchange, queue } = topology;
    await declareTopology(connection, topology, queueTypes, logger);
    try {
      const there = await bindWhereThere(connection, topology);
      if (there) this.#reportUnbound(topology);
      // Nothing can be published to it.
      else this.#unboundSince = this.#settings.clock.now();
      if (there)
        this.#logChange('bound', () => logger.info({ exchange, queue }, `exchange '${exchange}' is bound`));
      else
        this.#logChange('absent', () =>
          logger.warn({ exchange }, `exchange '${exchange}' does not exist yet, waiting`),
        );
      return there;
    } catch (error) {
      if (!(error instanceof NephoscopeError)) throw error;
      // RabbitMQ words its refusals differently each time.
      this.#logChange('refused', () =>
        logger.warn({ err: error, exchange, queue }, `exchange '${exchange}' cannot be bound, retrying`),
      );
      return false;
    }
  }

  /** Binds repeatedly on this connection until it is lost. Never rejects. */
  async keep(connection: Connection, isBound: boolean): Promise<void> {
    const { lost } = connection;
    const { clock, logger } = this.#settings;
    const hurried = new Backoff(25, longestHurriedPause);
    const onLost = () => {
      this.#lostAt = clock.monotonic();
      this.#unboundSince ??= clock.now();
    };
    if (lost.aborted) onLost();
    lost.addEventListener('abort', onLost, { once: true });
    const milliseconds = () => Number(clock.monotonic() / 1_000_000n);
    const probe = new BindingProbe(connection);
    let missedSince = milliseconds();
    for (let bound = isBound; ;) {
      const now = milliseconds();
      if (bound) missedSince = now;
      const pause = this.#isHurried()
        ? hurried.next()
        : Math.min(longestPause, Math.max(shortestPause, (now - missedSince) / 10));
      await clock.sleep(bound ? untilBindAgain(clock) : pause, lost).catch(() => undefined);
      if (lost.aborted) return;
      // It would not answer.
      if (connection.isBlocked) continue;
      try {
        bound = await this.#look(connection, probe, bound);
      } catch (error) {
        if (lost.aborted) return;
        bound = false;
        logger.warn({ err: error, queue: this.#settings.topology().queue }, 'the declared queue is gone');
      }
    }
  }

  #isHurried(): boolean {
    return (
      this.#lostAt !== undefined && this.#settings.clock.monotonic() - this.#lostAt < BigInt(hurry) * 1_000_000n
    );
  }

  #reportUnbound({ exchange, queue, onUnbound }: QueueTopology): void {
    const from = this.#unboundSince;
    if (from === undefined) return;
    this.#unboundSince = undefined;
    const { clock, logger } = this.#settings;
    const [since, until] = [from, clock.now()].map((time) => new Date(Number(time / 1_000_000n)).toISOString());
    logger.warn(
      { exchange, queue, from: since, until },
      `messages published to exchange '${exchange}' between ${since} and ${until} may be lost: the queue can be bound only after the service has declared the exchange. ` +
        'If it is not durable, it and the binding are lost when RabbitMQ restarts; durable exchanges (`amqp_durable_queues`) are kept',
    );
    onUnbound?.(from);
  }

  /** Like {@link bind}, with as few round trips as possible while nothing has changed. */
  async #look(connection: Connection, probe: BindingProbe, bound: boolean): Promise<boolean> {
    const topology = this.#settings.topology();
    const isAsBefore = bound ? await probe.isStillBound(topology) : !(await isExchangeThere(connection, topology));
    if (!isAsBefore) return this.bind(connection);
    if (!bound) this.#unboundSince = this.#settings.clock.now();
    return bound;
  }

  #logChange(state: string, log: () => void): void {
    if (state !== this.#state) log();
    this.#state = state;
  }
}
