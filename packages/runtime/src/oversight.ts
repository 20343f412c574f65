import type { Logger } from '@nephoscope/core';
import type { Registry } from 'prom-client';

import { clockWatch } from './clock-watch.js';
import { HealthWatch } from './health-watch.js';
import type { Component } from './lifecycle.js';
import { collectProcessMetrics } from './process-metrics.js';
import { serviceManager } from './service-manager.js';
import { createStatusServer } from './status-server.js';
import type { HealthChecks, StatusOptions } from './status-server.js';
import { systemClock } from './system-clock.js';

/** Monitoring of a running program, from outside and by itself. */
export interface Oversight {
  /** Must be started first. */
  readonly components: readonly Component[];
  /** Reports that everything has started. @param program its name and version */
  running(program: string): void;
}

/**
 * Metrics, the status server, and monitoring of the program's checks and the clocks; notifies systemd if it listens.
 */
export function oversee({
  checks,
  status: options,
  registry,
  stopped,
  logger,
}: {
  readonly checks: HealthChecks;
  readonly status: StatusOptions;
  readonly registry: Registry;
  /** Aborted when the program is to stop. */
  readonly stopped: AbortSignal;
  readonly logger: Logger;
}): Oversight {
  collectProcessMetrics(registry);
  const around = { clock: systemClock, logger };
  const watch = new HealthWatch({
    checks,
    serviceManager: serviceManager(process.env, around),
    stopped,
    ...around,
  });
  const status = createStatusServer({ ...options, checks: watch.checks, registry });
  return {
    components: [status, clockWatch({ ...around, registry })],
    running(program) {
      logger.info({ status: status.url }, `${program} is running`);
      watch.ready();
    },
  };
}
