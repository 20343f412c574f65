/** What the library is told to call with the broker's answer. It calls at most once, and maybe never. */
export type Answer<T> = (error: Error | null | undefined, answer: T) => void;

/** Asks the broker, and is answered in time or told that it is not. */
export interface Requester {
  /** Aborted when there will be no answer any more; the reason is BUS_UNAVAILABLE with the error that ended it. */
  readonly lost: AbortSignal;
  /**
   * @param what was asked for, for people
   * @param over ends it: of what it is asked on, as a channel
   * @param within how long the broker may take, ms
   * @throws what the broker answers, with its code; else BUS_UNAVAILABLE
   */
  ask<T>(what: string, request: (answer: Answer<T>) => void, over?: AbortSignal, within?: number): Promise<T>;
}
