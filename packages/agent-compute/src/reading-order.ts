import type { Clock } from '@nephoscope/core';
import type { InstanceReading } from '@nephoscope/core/instance';

/**
 * Keeps readings of the host and of single instances, which overlap, in order: of two that were under way at the same
 * time nobody knows whose figures are later, so the second to come is left out.
 */
export class ReadingOrder {
  readonly #clock: Clock;
  /** When the last reading of each instance was taken, ns on the monotonic clock. */
  readonly #latest = new Map<string, bigint>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Those of the readings whose instance was not read otherwise since they were asked for.
   *
   * @param asked ns on the monotonic clock
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

  /** Whether it was read, and is listed still. */
  knows(instanceId: string): boolean {
    return this.#latest.has(instanceId);
  }

  /** Forgets the instances that are not there any more, but for those read since. */
  forgetOthers(instanceIds: ReadonlySet<string>, asked: bigint): void {
    for (const [id, latest] of this.#latest) if (latest <= asked && !instanceIds.has(id)) this.#latest.delete(id);
  }
}
