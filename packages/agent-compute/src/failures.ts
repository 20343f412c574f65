import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { Instance } from '@nephoscope/core/instance';

import type { AgentMetrics } from './metrics.js';
import { nameSome } from './name-some.js';

/**
 * Failures of pollsters in one cycle. Each is counted; those of a pollster are one log line, with the first of them.
 */
export class Failures {
  readonly #metrics: AgentMetrics;
  readonly #logger: Logger;
  readonly #byPollster = new Map<string, { readonly first: unknown; readonly instances: Set<string> }>();

  constructor(metrics: AgentMetrics, logger: Logger) {
    this.#metrics = metrics;
    this.#logger = logger;
  }

  get pollsters(): readonly string[] {
    return [...this.#byPollster.keys()];
  }

  add(pollster: string, instance: Instance, error: unknown): void {
    this.#metrics.pollsters.failed(pollster);
    let known = this.#byPollster.get(pollster);
    if (known === undefined) this.#byPollster.set(pollster, (known = { first: error, instances: new Set() }));
    known.instances.add(instance.name);
  }

  log(): void {
    for (const [pollster, { first, instances }] of this.#byPollster) {
      const text = `the pollster '${pollster}' failed, counters of ${nameSome(instances)} are missing: ${describeError(first)}`;
      this.#logger.error({ err: first, pollster, instances: instances.size }, text);
    }
  }
}
