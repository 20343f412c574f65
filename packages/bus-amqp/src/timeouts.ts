/** How long an answer of the broker is waited for, ms. */
export interface Timeouts {
  /** For one attempt to connect and log in, and for each answer after that. */
  readonly connectTimeout: number;
  /** Then a message that is not confirmed is reported as not delivered: sooner it would be sent twice for nothing. */
  readonly confirmTimeout: number;
}

/**
 * Who wants a silent broker to be noticed soon says so by the heartbeat: what waits for an answer is given up no later than
 * the connection, which counts as dead after two to three of these.
 *
 * @param heartbeat seconds
 */
export function timeoutsOf(heartbeat: number): Timeouts {
  return {
    connectTimeout: Math.min(10_000, 2_000 * heartbeat),
    confirmTimeout: Math.min(30_000, 3_000 * heartbeat),
  };
}
