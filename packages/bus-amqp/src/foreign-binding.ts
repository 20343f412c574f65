import { Backoff, NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Logger, QueueTopology } from '@nephoscope/core';
import type { ChannelModel } from 'amqplib';

import type { Connection } from './open-connection.js';
import type { QueueTypes } from './queue-types.js';
import { bindWhereThere, declareTopology } from './topology.js';

/** Longest pause between two looks for an exchange that is not there, ms: what its service says meanwhile is lost. */
const longestPause = 10_000;

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
    for (let bound = isBound; ;) {
      if (bound) backoff.reset();
      await clock.sleep(bound ? bindAgainAfter : backoff.next(), lost).catch(() => undefined);
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

  #tell(state: string, tell: () => void): void {
    if (state !== this.#state) tell();
    this.#state = state;
  }
}
