/** Time limits for answers of the broker, ms. */
export interface Timeouts {
  /** For one attempt to connect and log in, and for each answer after that. */
  readonly connectTimeout: number;
  /**
   * After this a message that is not confirmed is reported as not delivered; reporting it sooner would send it twice
   * needlessly.
   */
  readonly confirmTimeout: number;
}

/**
 * A shorter heartbeat makes a silent broker noticed sooner: a request fails no later than its connection, which
 * counts as dead after two to three heartbeats.
 *
 * @param heartbeat seconds
 */
export function timeoutsOf(heartbeat: number): Timeouts {
  return {
    connectTimeout: Math.min(10_000, 2_000 * heartbeat),
    confirmTimeout: Math.min(30_000, 3_000 * heartbeat),
  };
}
