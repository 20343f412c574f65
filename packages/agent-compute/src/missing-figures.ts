import type { Logger, Missing, MissingReason } from '@nephoscope/core';

import type { AgentMetrics } from './metrics.js';
import { nameSome } from './name-some.js';

// `off` is known from the instance's state; `unsupported` does not change.
const levels = { off: 'debug', unsupported: 'info', busy: 'warn', error: 'warn' } as const;

interface News {
  readonly reason: MissingReason;
  readonly detail: string;
  readonly meters: Set<string>;
  readonly resources: Set<string>;
}

/**
 * Missing figures of one group. Each is counted every time and logged once: again only if its reason changes or it
 * was present in between. Each reason has one log line per cycle.
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

  /** @param resource what has no figure, for the log: an instance's name, and the device if it is one's */
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

  /** Logs what is new in this cycle. Figures present in this cycle are logged again when they are missing again. */
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
