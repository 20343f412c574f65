import { NephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { QueueTopology } from '@nephoscope/core/message-bus';

import { ForeignBinding } from './foreign-binding.js';
import type { Connection } from './open-connection.js';
import { keepOwnBinding } from './own-binding.js';
import { QueueTypes } from './queue-types.js';
import { declareTopology, isQueueThere } from './topology.js';

interface Declaration {
  topology: QueueTopology;
  /** For the exchange of a service. */
  readonly foreign: ForeignBinding | undefined;
  /** The connection on which it is kept bound. */
  keptOn: Connection | undefined;
}

/** All requested topologies, and the connection on which they were declared. */
export class Declarations {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #queueTypes = new QueueTypes();
  /** By queue and exchange, because a queue may be bound to several. */
  readonly #declarations = new Map<string, Declaration>();
  #connection: Connection | undefined;
  #redeclaring: Promise<void> | undefined;

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Declares it as soon as there is a connection, at once if there is one. */
  async add(topology: QueueTopology): Promise<void> {
    const key = JSON.stringify([topology.queue, topology.exchange]);
    const known = this.#declarations.get(key);
    const before = known?.topology;
    const declaration = known ?? this.#newDeclaration(topology);
    declaration.topology = {
      ...topology,
      bindings: [...new Set([...(before?.bindings ?? []), ...topology.bindings])],
    };
    this.#declarations.set(key, declaration);
    const connection = this.#connection;
    if (connection === undefined || connection.lost.aborted) return;
    try {
      await this.#declareAndKeep(declaration, connection);
      await this.#queueTypes.safe();
    } catch (error) {
      // Then the next connection declares it.
      if (connection.lost.aborted) return;
      if (before === undefined) this.#declarations.delete(key);
      else declaration.topology = before;
      throw error;
    }
  }

  /** Declares everything on this connection, which is used from now on. */
  async declareOn(connection: Connection): Promise<void> {
    this.#connection = connection;
    for (const declaration of this.#declarations.values()) await this.#declareAndKeep(declaration, connection);
    await this.#queueTypes.safe();
  }

  /** Ensures that this queue exists if it is Nephoscope's own. @returns whether it exists */
  async prepare(connection: Connection, queue: string): Promise<boolean> {
    const ofQueue = this.#ofQueue(queue);
    for (const declaration of ofQueue) await this.#declare(declaration, connection);
    await this.#queueTypes.safe();
    return !ofQueue.some(({ topology }) => topology.queueOwner === 'service') || isQueueThere(connection, queue);
  }

  some(which: (topology: QueueTopology) => boolean): boolean {
    return [...this.#declarations.values()].some(({ topology }) => which(topology));
  }

  /** Its dead-letter queue, if it was declared. */
  deadLettersOf(queue: string): string | undefined {
    return this.#ofQueue(queue)[0]?.topology.deadLetterQueue;
  }

  /**
   * Declares everything again after something was found missing; concurrent calls share one run.
   *
   * @throws BUS_UNAVAILABLE
   */
  async again(): Promise<void> {
    const connection = this.#connection;
    try {
      if (connection === undefined) return;
      // It ends with its connection, so that later callers do not get the result for the previous one.
      this.#redeclaring ??= this.#declareAll(connection).finally(() => (this.#redeclaring = undefined));
      await this.#redeclaring;
    } catch (error) {
      throw new NephoscopeError(
        'BUS_UNAVAILABLE',
        'declared exchanges or queues are gone from RabbitMQ and could not be declared again yet',
        { cause: error },
      );
    }
  }

  #newDeclaration(topology: QueueTopology): Declaration {
    const { exchangeOwner, queueOwner } = topology;
    const declaration: Declaration = {
      topology,
      foreign:
        exchangeOwner === 'service' && queueOwner !== 'service'
          ? new ForeignBinding({
              topology: () => declaration.topology,
              queueTypes: this.#queueTypes,
              clock: this.#clock,
              logger: this.#logger,
            })
          : undefined,
      keptOn: undefined,
    };
    return declaration;
  }

  #ofQueue(queue: string): Declaration[] {
    return [...this.#declarations.values()].filter(({ topology }) => topology.queue === queue);
  }

  async #declareAll(connection: Connection): Promise<void> {
    for (const declaration of this.#declarations.values()) await this.#declare(declaration, connection);
    await this.#queueTypes.safe();
  }

  /** Returns whether its queue is bound. */
  async #declare({ topology, foreign }: Declaration, connection: Connection): Promise<boolean> {
    if (foreign !== undefined) return foreign.bind(connection);
    await declareTopology(connection, topology, this.#queueTypes, this.#logger);
    return true;
  }

  async #declareAndKeep(declaration: Declaration, connection: Connection): Promise<void> {
    const bound = await this.#declare(declaration, connection);
    if (declaration.topology.queueOwner === 'service' || declaration.keptOn === connection) return;
    declaration.keptOn = connection;
    if (declaration.foreign !== undefined) void declaration.foreign.keep(connection, bound);
    else
      void keepOwnBinding(connection, {
        topology: () => declaration.topology,
        queueTypes: this.#queueTypes,
        clock: this.#clock,
        logger: this.#logger,
      });
  }
}
