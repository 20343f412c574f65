import type { Clock } from '@nephoscope/core';
import type { InstanceReading } from '@nephoscope/core/instance';

/**
 * Orders readings of the host and of single instances. Of two that overlapped it is unknown whose figures are later,
 * so the second to arrive is left out.
 */
export class ReadingOrder {
  readonly #clock: Clock;
  /** Time of the last reading of each instance, ns on the monotonic clock. */
  readonly #latest = new Map<string, bigint>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The readings of those instances that were not read otherwise since the request.
   *
   * @param asked time of the request, ns on the monotonic clock
   */
  take(readings: readonly InstanceReading[], asked: bigint): readonly InstanceReading[] {
    const taken = readings.filter(({ instance }) => !this.wasReadSince(instance.id, asked));
    const now = this.#clock.monotonic();
    for (const { instance } of taken) this.#latest.set(instance.id, now);
    return taken;
  }

  wasReadSince(instanceId: string, asked: bigint): boolean {
    const latest = this.#latest.get(instanceId);
    return latest !== undefined && latest > asked;
  }

  /** Whether it was read before and is still listed. */
  knows(instanceId: string): boolean {
    return this.#latest.has(instanceId);
  }

  /** Discards the instances that no longer exist, except those read since. */
  forgetOthers(instanceIds: ReadonlySet<string>, asked: bigint): void {
    for (const [id, latest] of this.#latest) if (latest <= asked && !instanceIds.has(id)) this.#latest.delete(id);
  }
}
