import { NephoscopeError } from '@nephoscope/core';
import type { Health } from '@nephoscope/core';
import type { Inspector, LifecycleEvent } from '@nephoscope/core/inspector';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';

/**
 * An inspector with readings from a test: the first `inspect` returns the first step, and so on; the last step is
 * repeated. A step is the state of the host's instances, or an error to throw. Single instances are read from `now`.
 */
export class FakeInspector implements Inspector {
  /** The parts requested by each `inspect` so far. */
  readonly asked: ReadonlySet<InstancePart>[] = [];
  /** The ids passed to `inspectInstance` so far. */
  readonly askedFor: string[] = [];
  /** What `inspectInstance` finds; by default the last step. */
  now: readonly InstanceReading[] | Error;
  readonly #listeners = new Set<(event: LifecycleEvent) => void>();
  readonly #steps: readonly (readonly InstanceReading[] | Error)[];
  #health: Health = { ok: false, reason: 'not started' };

  constructor(...steps: readonly (readonly InstanceReading[] | Error)[]) {
    this.#steps = steps;
    this.now = steps.at(-1) ?? [];
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#health = { ok: true };
  }

  async stop(): Promise<void> {
    this.#health = { ok: false, reason: 'stopped' };
  }

  async inspect(parts: ReadonlySet<InstancePart>, signal: AbortSignal): Promise<readonly InstanceReading[]> {
    this.#check(signal);
    this.asked.push(parts);
    const step = this.#steps[Math.min(this.asked.length, this.#steps.length) - 1] ?? [];
    if (step instanceof Error) throw step;
    return step.map((reading) => only(reading, parts));
  }

  async inspectInstance(
    id: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<InstanceReading | undefined> {
    this.#check(signal);
    this.askedFor.push(id);
    if (this.now instanceof Error) throw this.now;
    const reading = this.now.find(({ instance }) => instance.id === id);
    return reading === undefined ? undefined : only(reading, parts);
  }

  watch(listener: (event: LifecycleEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls every listener. */
  emit(event: LifecycleEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  health(): Health {
    return this.#health;
  }

  #check(signal: AbortSignal): void {
    if (!this.#health.ok)
      throw new NephoscopeError('INSPECTOR_UNAVAILABLE', `the fake inspector is ${this.#health.reason}`);
    signal.throwIfAborted();
  }
}

function only(reading: InstanceReading, parts: ReadonlySet<InstancePart>): InstanceReading {
  const asked = Object.entries(reading.parts).filter(([part]) => parts.has(part as InstancePart));
  return { ...reading, parts: Object.fromEntries(asked) };
}
