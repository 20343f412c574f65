import { NephoscopeError } from '@nephoscope/core';
import type { Health, Inspector, InstancePart, InstanceReading } from '@nephoscope/core';

/**
 * An inspector that reads what a test wrote: the first `inspect` gets the first step, and so on; the last
 * step stays. A step is what the host's instances look like then, or an error to throw.
 */
export class FakeInspector implements Inspector {
  /** The parts asked for, by each `inspect` so far. */
  readonly asked: ReadonlySet<InstancePart>[] = [];
  readonly #steps: readonly (readonly InstanceReading[] | Error)[];
  #health: Health = { ok: false, reason: 'not started' };

  constructor(...steps: readonly (readonly InstanceReading[] | Error)[]) {
    this.#steps = steps;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#health = { ok: true };
  }

  async stop(): Promise<void> {
    this.#health = { ok: false, reason: 'stopped' };
  }

  async inspect(parts: ReadonlySet<InstancePart>, signal: AbortSignal): Promise<readonly InstanceReading[]> {
    if (!this.#health.ok)
      throw new NephoscopeError('INSPECTOR_UNAVAILABLE', `the fake inspector is ${this.#health.reason}`);
    signal.throwIfAborted();
    this.asked.push(parts);
    const step = this.#steps[Math.min(this.asked.length, this.#steps.length) - 1] ?? [];
    if (step instanceof Error) throw step;
    return step.map((reading) => ({
      ...reading,
      parts: Object.fromEntries(Object.entries(reading.parts).filter(([part]) => parts.has(part as InstancePart))),
    }));
  }

  health(): Health {
    return this.#health;
  }
}
