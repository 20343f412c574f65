import { describeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { QueueTopology } from '@nephoscope/core/message-bus';

import { untilBindAgain } from './bind-again.js';
import type { Connection } from './open-connection.js';
import type { QueueTypes } from './queue-types.js';
import { BindingProbe, declareTopology } from './topology.js';

export interface OwnBindingSettings {
  /** The current topology. */
  topology(): QueueTopology;
  readonly queueTypes: QueueTypes;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Repeats the binding of Nephoscope's queue to its exchange until the connection is lost. RabbitMQ does not report that
 * a binding was removed, and still confirms messages as long as another queue receives them. While RabbitMQ blocks the
 * connection nothing is published, and no request would be answered. If this user may not bind, other programs do.
 * Never rejects.
 */
export async function keepOwnBinding(connection: Connection, settings: OwnBindingSettings): Promise<void> {
  const { clock, logger, queueTypes } = settings;
  const { lost } = connection;
  const probe = new BindingProbe(connection);
  for (;;) {
    await clock.sleep(untilBindAgain(clock), lost).catch(() => undefined);
    if (lost.aborted) return;
    if (connection.isBlocked) continue;
    const topology = settings.topology();
    try {
      if (await probe.isStillBound(topology)) continue;
      // The exchange is missing, or binding is not permitted.
      await declareTopology(connection, topology, queueTypes, logger);
      if (!(await probe.isStillBound(topology))) return;
    } catch (error) {
      if (lost.aborted) return;
      const { exchange, queue } = topology;
      logger.warn({ err: error, exchange, queue }, `queue '${queue}' may not be bound: ${describeError(error)}`);
    }
  }
}
