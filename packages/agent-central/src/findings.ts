import { describeError } from '@nephoscope/core';
import type { Logger, Missing, MissingReason } from '@nephoscope/core';

import type { AgentMetrics } from './metrics.js';
import { NameSome } from './name-some.js';

// `off` is reported by the service itself; `unsupported` is permanent.
const levels = { off: 'debug', unsupported: 'info', busy: 'warn', error: 'warn' } as const;

// Kinds of missing figures that get a log line of their own in a cycle of a pollster. A detail may contain foreign text.
const kindsAtMost = 20;
const otherKinds = 'for other reasons';

interface Kind {
  readonly reason: MissingReason;
  readonly detail: string;
  readonly meters: Set<string>;
  readonly resources: NameSome;
}

/** Missing figures of one pollster in one cycle. All are counted; similar ones share a log line. */
export class Findings {
  readonly #kinds = new Map<string, Kind>();
  #failure: { readonly first: unknown; count: number } | undefined;

  constructor(
    private readonly pollster: string,
    private readonly metrics: AgentMetrics,
    private readonly logger: Logger,
  ) {}

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** The pollster ended with an error, or yielded a counter that cannot be sent. */
  addFailure(error: unknown): void {
    this.metrics.pollsters.failed(this.pollster);
    this.#failure ??= { first: error, count: 0 };
    this.#failure.count += 1;
  }

  addMissing(meter: string, { missing, detail }: Missing, resource: string): void {
    this.metrics.missing.inc({ reason: missing });
    let key = `${missing} ${detail}`;
    if (!this.#kinds.has(key) && this.#kinds.size >= kindsAtMost) key = `${missing} ${otherKinds}`;
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      const text = key.endsWith(otherKinds) ? otherKinds : detail;
      this.#kinds.set(
        key,
        (kind = { reason: missing, detail: text, meters: new Set(), resources: new NameSome() }),
      );
    }
    kind.meters.add(meter);
    kind.resources.add(resource);
  }

  log(): void {
    const { pollster } = this;
    for (const { reason, detail, meters, resources } of this.#kinds.values()) {
      const text = `no figure for ${[...meters].join(', ')} of ${resources}: ${detail}`;
      this.logger[levels[reason]]({ pollster, reason, count: resources.count }, text);
    }
    if (this.#failure === undefined) return;
    const { first, count } = this.#failure;
    const more = count > 1 ? ` (and ${count - 1} more)` : '';
    const text = `the pollster '${pollster}' failed; its counters are missing: ${describeError(first)}${more}`;
    this.logger.error({ err: first, pollster, failures: count }, text);
  }
}
