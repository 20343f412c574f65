import type { DroppedTotal } from './record.js';

/** Number of samples of each meter that this agent ever dropped, and their period since the spool was last empty. */
export class Dropped {
  readonly #totals = new Map<string, bigint>();
  readonly #spans = new Map<string, { from: string; to: string }>();

  /** @param totals by meter, as stored */
  constructor(totals: Readonly<Record<string, bigint>> = {}) {
    for (const [meter, total] of Object.entries(totals)) this.#totals.set(meter, total);
  }

  /** By meter. */
  get totals(): Readonly<Record<string, bigint>> {
    return Object.fromEntries(this.#totals);
  }

  total(meter: string): bigint {
    return this.#totals.get(meter) ?? 0n;
  }

  /** Adds the content of a report, which may be older than what is known. */
  learn({ meter, total, from, to }: DroppedTotal): void {
    if (total > this.total(meter)) this.#totals.set(meter, total);
    this.#span(meter, from, to);
  }

  /** Whether a later report of the same meter exists. */
  isSuperseded({ meter, total }: DroppedTotal): boolean {
    return total < this.total(meter);
  }

  /** What the next reports would contain if these samples were dropped too. */
  with(news: DroppedSamples): readonly DroppedTotal[] {
    return [...news.byMeter].map(([meter, { samples, from, to }]) => {
      const span = this.#spans.get(meter) ?? { from, to };
      return {
        meter,
        total: this.total(meter) + BigInt(samples),
        from: from < span.from ? from : span.from,
        to: to > span.to ? to : span.to,
      };
    });
  }

  /** The spool is empty: samples dropped from now on belong to another outage. */
  endOutage(): void {
    this.#spans.clear();
  }

  #span(meter: string, from: string, to: string): void {
    const span = this.#spans.get(meter);
    if (span === undefined) this.#spans.set(meter, { from, to });
    else {
      if (from < span.from) span.from = from;
      if (to > span.to) span.to = to;
    }
  }
}

/** Samples that are dropped together. */
export class DroppedSamples {
  readonly byMeter = new Map<string, { samples: number; from: string; to: string }>();

  add(meter: string, timestamp: string): void {
    const known = this.byMeter.get(meter);
    if (known === undefined) {
      this.byMeter.set(meter, { samples: 1, from: timestamp, to: timestamp });
      return;
    }
    known.samples += 1;
    if (timestamp < known.from) known.from = timestamp;
    if (timestamp > known.to) known.to = timestamp;
  }
}
