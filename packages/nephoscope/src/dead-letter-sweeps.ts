import type { DeadLetter, MessageBus } from '@nephoscope/core/message-bus';

/** The newest dead letters, or the oldest, in ascending order; all without a limit. They stay in the queue. */
export async function readDeadLetters(
  bus: MessageBus,
  queue: string,
  {
    limit = Infinity,
    oldest = false,
  }: { readonly limit?: number | undefined; readonly oldest?: boolean | undefined },
  signal: AbortSignal,
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  await bus.sweepDeadLetters(
    queue,
    (deadLetter) => {
      if (deadLetters.length < limit || !oldest) deadLetters.push(deadLetter);
      if (deadLetters.length > limit) deadLetters.shift();
      return 'keep';
    },
    signal,
  );
  return deadLetters;
}

export interface DeadLetterFilter {
  /** Part of the reason. */
  readonly reason?: string | undefined;
  /** Only the oldest matching ones, up to this number. */
  readonly limit?: number | undefined;
}

/** The number decided while running, and confirmed at the end. */
export interface Progress {
  seen: number;
  matching: number;
}

/**
 * Replays or drops matching dead letters; returns how many, and how many are left. The others are visited too, to
 * keep their order.
 */
export async function settleDeadLetters(
  bus: MessageBus,
  queue: string,
  verdict: 'replay' | 'drop',
  { reason, limit = Infinity }: DeadLetterFilter,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ readonly settled: number; readonly left: number }> {
  const counts = await bus.sweepDeadLetters(
    queue,
    (deadLetter) => {
      progress.seen++;
      const matches = reason === undefined || deadLetter.reason?.includes(reason) === true;
      if (!matches || progress.matching >= limit) return 'keep';
      progress.matching++;
      return verdict;
    },
    signal,
  );
  return { settled: counts[verdict], left: counts.keep };
}
