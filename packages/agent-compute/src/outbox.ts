import { deadline } from '@nephoscope/async';
import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import { ceilometerWire, createSigner, meteringTopology, nephoscopeWire } from '@nephoscope/message';
import { signatureFormOf } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';

import type { Failures } from './failures.js';
import { Forgotten } from './forgotten.js';
import { Intake } from './intake.js';
import { MessageWriter, pieces } from './message-writer.js';
import type { AgentMetrics } from './metrics.js';
import type { ComputeOptions } from './options.js';
import type { Taken } from './poll-instance.js';
import { Dropped } from './spool/dropped.js';
import { Sender } from './spool/sender.js';
import { Spool } from './spool/spool.js';
import { StateDirectory } from './state-directory.js';

export interface OutboxParts {
  readonly options: Pick<ComputeOptions, 'stateDirectory' | 'spool' | 'wire' | 'signature'>;
  readonly source: string;
  readonly host: string;
  readonly secrets: readonly Secret[];
  /** Started and stopped by the caller, before and after the outbox. */
  readonly bus: MessageBus;
  readonly metrics: AgentMetrics;
  readonly logger: Logger;
  readonly clock: Clock;
}

// How long a stopping outbox waits for the bus, ms. It has 5 s in total, including its files on a busy disk; the bus
// needs up to 5 s of its own after that.
const lastFlush = 2_000;

// Counters that are written and made durable together, so that a large host's messages are not all in memory at once.
const pieceSize = 1_000;

/** What exists after the start. */
interface Work {
  readonly writer: MessageWriter;
  readonly intake: Intake;
  readonly sender: Sender;
  /** Stops all of it. */
  close(): Promise<void>;
}

/**
 * Makes messages of counters, makes them durable and sends them. From its start it sends what the last run left,
 * whether or not anything can be read.
 */
export class Outbox implements Component {
  readonly name = 'outbox';
  readonly #parts: OutboxParts;
  readonly #state: StateDirectory;
  readonly #forgotten: Forgotten;
  #work: Work | undefined;
  #stopped: Promise<void> | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#state = new StateDirectory(parts.options.stateDirectory, parts.logger);
    this.#forgotten = new Forgotten(parts.logger, parts.clock);
  }

  /** @throws STATE_DIRECTORY, SPOOL_UNAVAILABLE */
  async start(): Promise<void> {
    const { bus, logger, options } = this.#parts;
    await this.#state.open();
    try {
      this.#work = await this.#open();
    } catch (error) {
      await this.#state.close();
      throw error;
    }
    // Ceilometer declares its own exchange and queue; an additional queue of ours would have no consumer and grow.
    if (options.wire === 'ceilometer') return;
    // Not awaited, because the bus may be unavailable for long, and the agent works meanwhile.
    bus
      .declare(meteringTopology)
      .catch((error: unknown) =>
        logger.warn({ err: error }, `cannot declare the queue of metering messages yet: ${describeError(error)}`),
      );
  }

  /**
   * Accepts the counters: when it resolves, with the number of samples, they are durable and will be sent.
   *
   * @param failures receives the counters that cannot be sent
   * @param signal a failing disk is retried until it is aborted
   * @throws SPOOL_UNAVAILABLE, SPOOL_FULL, STATE_DIRECTORY, for a piece of 2,000 counters and those after it
   */
  async take(taken: readonly Taken[], failures: Failures, signal: AbortSignal): Promise<number> {
    const { writer, intake } = this.#ready();
    const labelled = writer.label(taken, Number(this.#parts.clock.monotonic() / 1_000_000n));
    let samples = 0;
    for (const piece of pieces(labelled, pieceSize)) samples += await intake.take(piece, failures, signal);
    return samples;
  }

  /** Receives the ids of existing instances: state of gone ones is kept within limits. */
  listed(instanceIds: ReadonlySet<string>): void {
    const { reduced, forgotten } = this.#ready().writer.epochs.listed(instanceIds);
    this.#forgotten.add(reduced.length, forgotten.length);
  }

  /**
   * Resolves when the bus has confirmed everything.
   *
   * @throws SAMPLES_UNSENT if `signal` is aborted before
   */
  flush(signal: AbortSignal): Promise<void> {
    return this.#ready().sender.flush(signal);
  }

  /** Sends what it can in 3 s and keeps the rest on disk for the next start. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    if (this.#work === undefined) return { ok: false, reason: 'not started' };
    const { intake, sender } = this.#work;
    return [intake.health(), sender.health()].find(({ ok }) => !ok) ?? { ok: true };
  }

  async #open(): Promise<Work> {
    const { bus, clock, host, logger, metrics, options, secrets, source } = this.#parts;
    const state = await this.#state.load();
    const signer = createSigner({ secret: secrets[0] as Secret, form: signatureFormOf(options) });
    const forCeilometer = (publisherId: string) => ceilometerWire({ publisherId, clock });
    const wire = options.wire === 'ceilometer' ? forCeilometer : () => nephoscopeWire;
    const writer = new MessageWriter({ source, publisher: `compute.${host}`, signer, wire }, state);
    const dropped = new Dropped(state.dropped);
    // The spool may hold messages of another wire form, configured before.
    const wires = [nephoscopeWire, forCeilometer(writer.publisherId)];
    const saveState = () =>
      this.#state.save({ agentId: state.agentId, sequence: writer.sequence, dropped: dropped.totals });
    const spool = await Spool.open(
      {
        folder: this.#state.spool,
        options: options.spool,
        dropped,
        report: (total) => writer.report(total, clock.now()),
        wireOf: (contentType) => wires.find((one) => one.contentType === contentType),
        saveTotals: saveState,
        clock,
        logger,
        metrics,
      },
      state.sequence,
    );
    writer.continueFrom(spool.sequence);
    try {
      // Proves that the directory is writable before anything depends on it.
      await this.#state.saveEpochs(writer.epochs);
      await saveState();
    } catch (error) {
      await spool.close().catch(() => undefined);
      throw error;
    }
    const intake = new Intake({
      writer,
      spool,
      saveEpochs: () => this.#state.saveEpochs(writer.epochs),
      clock,
      logger,
    });
    const sender = new Sender({ spool, bus, clock, logger, metrics });
    const close = async () => {
      sender.stop();
      await spool.close();
      try {
        await this.#state.closeEpochs(writer.epochs);
        await saveState();
      } catch (error) {
        // The state that samples depend on was on disk before they were accepted.
        logger.warn({ err: error }, `${describeError(error)}; no accepted sample is lost`);
      }
    };
    return { writer, intake, sender, close };
  }

  async #stop(): Promise<void> {
    const { clock, logger } = this.#parts;
    try {
      if (this.#work === undefined) return;
      const { close, sender } = this.#work;
      const time = deadline(clock, lastFlush, new Error('the agent does not wait longer'));
      await sender.flush(time.signal).catch((error: unknown) => {
        logger.warn(
          { err: error },
          `${describeError(error)}; they are in the spool and will be sent at the next start`,
        );
      });
      time.end();
      await close();
    } finally {
      await this.#state.close();
    }
  }

  #ready(): Work {
    if (this.#work === undefined) throw new NephoscopeError('AGENT_NOT_STARTED', 'start the agent first');
    return this.#work;
  }
}
