/** How much a collector has in its hands at once. Measured (docs/performance.md); whoever has more samples starts another collector. */
export interface CollectorBounds {
  /**
   * Messages that may be under way to the store. 100 of the largest that agents send are 12 MiB and some five batches; of
   * those that hold a single sample a batch has half as many.
   */
  readonly prefetch: number;
  /** Samples that are recorded in one transaction, at the most a message more: larger ones are not faster. */
  readonly batchSamples: number;
  /** How long a transaction waits for more samples to come, ms: less than anybody sees. */
  readonly batchWait: number;
}

export const usualBounds: CollectorBounds = { prefetch: 100, batchSamples: 2_000, batchWait: 20 };
