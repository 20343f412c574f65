/** Callback for the broker's answer. The library calls it at most once, and possibly never. */
export type Answer<T> = (error: Error | null | undefined, answer: T) => void;

/** Sends requests to the broker; each is answered or rejected in time. */
export interface Requester {
  /** Aborted when no more answers can arrive; the reason is BUS_UNAVAILABLE with the error that ended it. */
  readonly lost: AbortSignal;
  /**
   * @param what is requested, for error messages: 'declaring queue …'
   * @param over ends the request: the signal of the channel it is sent on
   * @param within how long the broker may take, ms
   * @throws the broker's error with its code; otherwise BUS_UNAVAILABLE
   */
  ask<T>(what: string, request: (answer: Answer<T>) => void, over?: AbortSignal, within?: number): Promise<T>;
}
