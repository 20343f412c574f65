import { createSigner, describeError, meteringTopology, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Inspector, Logger, MessageBus, Secret } from '@nephoscope/core';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';
import { catchError, EMPTY, exhaustMap, from, tap } from 'rxjs';
import type { Subscription } from 'rxjs';

import { runCycle } from './cycle.js';
import { Gaps } from './gaps.js';
import { MessageWriter } from './message-writer.js';
import { createAgentMetrics } from './metrics.js';
import type { ComputeOptions } from './options.js';
import { Outbox } from './outbox.js';
import { createPollGroups } from './poll-group.js';
import type { ActivePollster, PollGroup } from './poll-group.js';
import { schedule } from './schedule.js';
import { StateDirectory } from './state-directory.js';

export interface ComputeAgentParts {
  readonly options: ComputeOptions;
  readonly source: string;
  readonly host: string;
  readonly secrets: readonly Secret[];
  /** Started and stopped by whoever made them, before and after the agent. */
  readonly inspector: Inspector;
  readonly bus: MessageBus;
  readonly pollsters: readonly ActivePollster[];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
}

// When the agent stops, so long it waits for the bus before it keeps what is unsent on disk.
const lastFlush = 5_000;

/**
 * Reads the instances of this host at their intervals and sends what it read. `start` makes it ready;
 * then either `run` it until it is stopped, or let it do single cycles with `once`.
 */
export class ComputeAgent implements Component {
  readonly name = 'compute agent';
  readonly #parts: ComputeAgentParts;
  readonly #metrics: ReturnType<typeof createAgentMetrics>;
  readonly #gaps: Gaps;
  readonly #groups: readonly PollGroup[];
  readonly #state: StateDirectory;
  readonly #stopping = new AbortController();
  #work: { readonly writer: MessageWriter; readonly outbox: Outbox } | undefined;
  #subscription: Subscription | undefined;
  #cycle: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(parts: ComputeAgentParts) {
    this.#parts = parts;
    this.#metrics = createAgentMetrics(parts.registry);
    this.#gaps = new Gaps(this.#metrics, parts.logger);
    this.#groups = createPollGroups(parts.options, parts.pollsters);
    this.#state = new StateDirectory(parts.options.stateDirectory);
    if (this.#groups.length === 0) {
      throw new NephoscopeError('NOTHING_TO_POLL', 'no compute pollster is active: install one, or enable one in compute.enabled');
    }
  }

  /** @throws STATE_DIRECTORY */
  async start(): Promise<void> {
    const { bus, clock, host, logger, options, secrets, source } = this.#parts;
    await this.#state.open();
    try {
      const state = await this.#state.load();
      const signer = createSigner({ secret: secrets[0] as Secret, form: options.signature });
      const writer = new MessageWriter({ source, publisher: `compute.${host}`, signer, logger, metrics: this.#metrics }, state);
      const outbox = new Outbox({ bus, persist: () => this.#state.save(writer.state), clock, logger, metrics: this.#metrics });
      // Proves that the directory takes writes before anything depends on it.
      await this.#state.save(writer.state);
      outbox.add(await this.#state.loadUnsent());
      this.#work = { writer, outbox };
    } catch (error) {
      await this.#state.close();
      throw error;
    }
    // Not awaited: the bus may be away for long, and the agent works meanwhile.
    bus.declare(meteringTopology).catch((error: unknown) => logger.warn({ err: error }, `cannot declare the queue of metering messages yet: ${describeError(error)}`));
  }

  /** Cycles until the agent is stopped. Rejects only when the clock fails. */
  run(): Promise<void> {
    let running = false;
    return new Promise((resolve, reject) => {
      this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true });
      this.#subscription = schedule(this.#groups, this.#parts.clock)
        .pipe(
          tap((due) => {
            if (running) this.#skip(due, 'the cycle before is still running');
          }),
          exhaustMap((due) => {
            const { full } = this.#ready().outbox;
            if (full !== undefined) {
              this.#skip(due, full);
              return EMPTY;
            }
            running = true;
            this.#cycle = this.#runCycle(due).finally(() => (running = false));
            return from(this.#cycle).pipe(catchError(() => EMPTY));
          }),
        )
        .subscribe({ error: reject });
    });
  }

  /**
   * One cycle of all groups; resolves when the bus has confirmed all its samples.
   *
   * @throws what made the reading fail; SAMPLES_UNSENT when `signal` is aborted before they are confirmed
   */
  async once(signal: AbortSignal): Promise<void> {
    await this.#runCycle(this.#groups);
    await this.#ready().outbox.flush(signal);
  }

  /** Ends the cycle that runs, sends what it can in 5 s and keeps the rest on disk for the next start. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    if (this.#work === undefined) return { ok: false, reason: 'not started' };
    if (this.#failure !== undefined) return { ok: false, reason: this.#failure };
    return this.#work.outbox.health();
  }

  async #stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the agent is stopping'));
    await this.#cycle?.catch(() => undefined);
    if (this.#work !== undefined) {
      const { outbox, writer } = this.#work;
      await outbox.flush(AbortSignal.timeout(lastFlush)).catch((error: unknown) => {
        this.#parts.logger.warn({ err: error }, `${describeError(error)}; they are kept in the state directory and sent at the next start`);
      });
      await this.#state.saveUnsent(await outbox.stop());
      await this.#state.save(writer.state);
    }
    await this.#state.close();
  }

  async #runCycle(due: readonly PollGroup[]): Promise<void> {
    const { clock, inspector, logger, options } = this.#parts;
    const { writer, outbox } = this.#ready();
    const end = this.#metrics.duration.startTimer();
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(options.timeout)]);
    try {
      const tools = { inspector, clock, logger, metrics: this.#metrics, gaps: this.#gaps };
      let samples = 0;
      for await (const taken of runCycle(due, tools, signal)) {
        const messages = writer.write(taken, Number(clock.now() / 1_000_000n));
        outbox.add(messages);
        samples += messages.reduce((sum, message) => sum + message.samples, 0);
      }
      this.#failure = undefined;
      this.#metrics.cycles.inc({ result: 'done' });
      logger.info({ groups: due.map(({ name }) => name), samples, seconds: end() }, 'cycle done');
    } catch (error) {
      end();
      this.#failure = describeError(error);
      this.#metrics.cycles.inc({ result: 'failed' });
      if (!this.#stopping.signal.aborted) logger.error({ err: error }, `nothing was read in this cycle: ${this.#failure}`);
      throw error;
    }
  }

  #skip(due: readonly PollGroup[], reason: string): void {
    this.#metrics.skipped.inc();
    this.#parts.logger.warn({ groups: due.map(({ name }) => name) }, `a cycle is skipped: ${reason}`);
  }

  #ready(): { readonly writer: MessageWriter; readonly outbox: Outbox } {
    if (this.#work === undefined) throw new NephoscopeError('AGENT_NOT_STARTED', 'start the agent first');
    return this.#work;
  }
}
