/**
 * Limits of a collector's work in progress, chosen by measurement (docs/performance.md). Larger deployments run
 * several collectors.
 */
export interface CollectorBounds {
  /**
   * Messages in progress. 100 of the largest that agents send are 12 MiB and about five batches; if each holds a
   * single sample, a batch has half as many.
   */
  readonly prefetch: number;
  /** Samples recorded in one transaction, up to one message more; larger transactions are not faster. */
  readonly batchSamples: number;
  /** How long a transaction waits for more samples, ms; too short to be noticed. */
  readonly batchWait: number;
}

export const usualBounds: CollectorBounds = { prefetch: 100, batchSamples: 2_000, batchWait: 20 };
