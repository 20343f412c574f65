/**
 * A metering message as it was received and read: what a store records.
 *
 * `text` is the message itself, character by character, so that its signature can be checked again at any
 * time; the other fields are read from it. `volume` is the exact decimal text of the wire
 * (`8292646586825371460`, `1e-07`).
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
  /** Which agent made it and its number there; null for messages of others. */
  readonly publisherId: string | null;
  readonly sequence: bigint | null;
  /** Which run of the resource a cumulative volume counts from; null for other types and for messages of others. */
  readonly epoch: string | null;
  readonly text: string;
}
