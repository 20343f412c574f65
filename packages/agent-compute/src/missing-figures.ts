import type { Logger, Missing, MissingReason } from '@nephoscope/core';

import type { AgentMetrics } from './metrics.js';
import { nameSome } from './name-some.js';

// That an instance is off is told by its state; what is unsupported will stay so.
const levels = { off: 'debug', unsupported: 'info', busy: 'warn', error: 'warn' } as const;

interface News {
  readonly reason: MissingReason;
  readonly detail: string;
  readonly meters: Set<string>;
  readonly resources: Set<string>;
}

/**
 * Figures of one group that should be there and are not. Each is counted every time and told once: again only
 * when its reason changes or it was there in between. What is told for one reason in one cycle is one line.
 */
export class MissingFigures {
  readonly #metrics: AgentMetrics;
  readonly #logger: Logger;
  #before = new Map<string, MissingReason>();
  #now = new Map<string, MissingReason>();
  #news = new Map<string, News>();

  constructor(metrics: AgentMetrics, logger: Logger) {
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** @param resource what has no figure, for people: an instance's name, and the device where it is one's */
  add(resource: string, meters: readonly string[], { missing, detail }: Missing): void {
    this.#metrics.missing.inc({ reason: missing }, meters.length);
    for (const meter of meters) {
      const key = `${resource} ${meter}`;
      this.#now.set(key, missing);
      if (this.#before.get(key) === missing) continue;
      const kind = `${missing} ${detail}`;
      let news = this.#news.get(kind);
      if (news === undefined)
        this.#news.set(kind, (news = { reason: missing, detail, meters: new Set(), resources: new Set() }));
      news.meters.add(meter);
      news.resources.add(resource);
    }
  }

  /** Tells what is new in this cycle. What was not missing in it will be told when it is missing again. */
  endCycle(): void {
    for (const { reason, detail, meters, resources } of this.#news.values()) {
      const text = `no figure for ${[...meters].join(', ')} of ${nameSome(resources)}: ${detail}`;
      this.#logger[levels[reason]]({ reason, meters: [...meters], count: resources.size }, text);
    }
    this.#before = this.#now;
    this.#now = new Map();
    this.#news = new Map();
  }
}
