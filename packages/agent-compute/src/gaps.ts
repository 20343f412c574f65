import type { Logger, Missing, MissingReason } from '@nephoscope/core';

import type { AgentMetrics } from './metrics.js';

// That an instance is off is told by its state; what is unsupported will stay so.
const levels = { off: 'debug', unsupported: 'info', busy: 'warn', error: 'warn' } as const;

/**
 * Figures that should be there and are not. Each is counted every time and told once: again only when its
 * reason changes or it was there in between.
 */
export class Gaps {
  readonly #metrics: AgentMetrics;
  readonly #logger: Logger;
  #told = new Map<string, MissingReason>();
  #seen = new Map<string, MissingReason>();

  constructor(metrics: AgentMetrics, logger: Logger) {
    this.#metrics = metrics;
    this.#logger = logger;
  }

  add(instance: string, what: string, { missing, detail }: Missing): void {
    this.#metrics.gaps.inc({ reason: missing });
    const key = `${instance} ${what}`;
    this.#seen.set(key, missing);
    if (this.#told.get(key) === missing) return;
    this.#told.set(key, missing);
    this.#logger[levels[missing]]({ instance, missing: what, reason: missing }, `no figure for ${what} of ${instance}: ${detail}`);
  }

  /** Closes a cycle: what was not missing in it will be told when it is missing again. */
  endCycle(): void {
    for (const key of this.#told.keys()) {
      if (!this.#seen.has(key)) this.#told.delete(key);
    }
    this.#seen = new Map();
  }
}
