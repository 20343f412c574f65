/**
 * A metering message as received and read, which is what a store records.
 *
 * `text` is the unchanged message, so that its signature can be verified again at any time; the other fields are read
 * from it. `volume` is the exact decimal text in the message (`8292646586825371460`, `1e-07`).
 */
export interface Sample {
  readonly messageId: string;
  readonly source: string;
  readonly meter: string;
  readonly type: string;
  readonly unit: string | null;
  readonly volume: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly resourceId: string;
  /** ns since 1970 UTC. */
  readonly timestamp: bigint;
  /** The agent that created it, and its number there; null for messages of other software. */
  readonly publisherId: string | null;
  readonly sequence: bigint | null;
  /**
   * The run of the resource from which a cumulative volume counts; null for other types and for messages of other
   * software.
   */
  readonly epoch: string | null;
  readonly text: string;
}
