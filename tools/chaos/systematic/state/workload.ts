import { Failures, Outbox, createAgentMetrics } from '@nephoscope/agent-compute/testing';
import type { Taken } from '@nephoscope/agent-compute/testing';
import { NephoscopeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import { Secret } from '@nephoscope/core/options';
import { systemClock } from '@nephoscope/runtime';
import type { PolledCounter, PolledTotal } from '@nephoscope/runtime/replies';
import { exampleInstance } from '@nephoscope/testing';
import { Registry } from 'prom-client';

/** A sample as the bus received it. */
export interface Sent {
  readonly id: string;
  readonly sequence: number | undefined;
  readonly meter: string;
  readonly resource: string;
  readonly volume: number;
  readonly epoch: string | undefined;
  /** The cycle of its reading; a number between two cycles for that of a recovery. */
  readonly cycle: number;
}

/** What is known about the agent from outside. */
export interface Ledger {
  readonly sent: Sent[];
  /** The cycles that the agent has accepted. */
  readonly taken: Set<number>;
}

/** A reading in a cycle. Bands are runs, or attachments within a run, each of which begins below the one before. */
interface Reading {
  readonly id: string;
  readonly run: string | undefined;
  readonly band: number;
}

/** The readings of each cycle, which together cover each kind of event. */
export function readingsOf(time: number): readonly Reading[] {
  const cycle = Math.floor(time);
  const band = cycle < 3 ? 0 : cycle < 5 ? 1 : cycle < 9 ? 2 : 3;
  const isOff = cycle === 4 || cycle === 8;
  const runs = cycle < 4 ? 0 : cycle < 8 ? 1 : 2;
  return [
    { id: 'falls', run: 'r', band },
    // Its hypervisor gives all of its runs the same name.
    { id: 'restarts', run: isOff ? undefined : 'r', band: runs },
    ...(cycle >= 5 && cycle < 8 ? [] : [{ id: 'comes-back', run: 'r', band: cycle < 5 ? 0 : 1 }]),
  ];
}

/** The number of cycles; the agent is restarted after `restartAfter`. */
export const lastCycle = 11;
export const restartAfter = 6;
const isBusAway = (cycle: number) => (cycle >= 2 && cycle <= 4) || cycle >= 9;

const meter = 'disk.device.read.bytes';

/** The counters of one instance in one cycle. Its total includes a disk that is detached later. */
function takenOf({ id, run, band }: Reading, time: number): Taken {
  const cycle = Math.floor(time);
  const instance = exampleInstance({ id, name: id, run });
  const volume = BigInt((10 - band) * 1_000 + cycle);
  const fields = { unit: 'B', userId: null, projectId: null, timestamp: BigInt(time * 1_000) * 1_000_000n };
  const counter: PolledCounter = {
    ...{ ...fields, name: meter, type: 'cumulative', volume, resourceId: `${id}-vda` },
    resourceMetadata: {},
  };
  const gauge: PolledCounter = { ...counter, name: 'memory.usage', type: 'gauge', unit: 'MB', resourceId: id };
  const total: PolledTotal = {
    ...{ ...fields, name: 'disk.read.bytes', type: 'cumulative', resourceId: id, resourceMetadata: {} },
    parts: [
      { key: 'vda', volume: BigInt(1_000 + cycle) },
      ...(cycle < 7 ? [{ key: 'vdb', volume: 500n, plugging: ['1'] }] : []),
    ],
  };
  return { instance, pollster: 'sweep', counters: [counter, gauge, total] };
}

// Waits take a fiftieth of their time.
const clock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
};
const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** The part of the agent that writes to the state directory. */
export class Agent {
  readonly outbox: Outbox;
  isBusAway = false;
  readonly #ledger: Ledger;
  readonly #failures: Failures;
  readonly #onSent: () => void;

  constructor(stateDirectory: string, ledger: Ledger, onSent: () => void = ignore) {
    const metrics = createAgentMetrics(new Registry());
    this.#ledger = ledger;
    this.#onSent = onSent;
    this.#failures = new Failures(metrics, logger);
    this.outbox = new Outbox({
      options: {
        stateDirectory,
        spool: { maxBytes: 64 * 1024, maxAge: 1e15 },
        wire: 'nephoscope',
        signature: 'canonical',
      } as never,
      ...{ source: 'openstack', host: 'sweep', secrets: [new Secret('a secret of the sweep')] },
      bus: {
        declare: () => Promise.resolve(),
        publish: (message) => this.#publish(message.body),
        health: () => ({ ok: true }),
      } as Partial<MessageBus> as MessageBus,
      ...{ metrics, logger, clock },
    });
  }

  /** @throws what the outbox throws */
  async cycle(cycle: number): Promise<void> {
    const readings = readingsOf(cycle);
    this.outbox.listed(new Set(readings.map(({ id }) => id)));
    // Longer than a fault lasts: what no cycle could record at all is unknown afterwards.
    const time = AbortSignal.timeout(500);
    await this.outbox.take(
      readings.map((reading) => takenOf(reading, cycle)),
      this.#failures,
      time,
    );
    this.#ledger.taken.add(cycle);
  }

  flush(): Promise<void> {
    return this.outbox.flush(AbortSignal.timeout(5_000));
  }

  #publish(body: Uint8Array): Promise<void> {
    if (this.isBusAway) return Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'away'));
    for (const line of Buffer.from(body).toString('utf8').trimEnd().split('\n'))
      this.#ledger.sent.push(read(line));
    this.#onSent();
    return Promise.resolve();
  }
}

function read(line: string): Sent {
  const fields = JSON.parse(line) as Record<string, never>;
  return {
    id: fields['message_id'] as unknown as string,
    sequence: fields['sequence'],
    meter: fields['counter_name'] as unknown as string,
    resource: fields['resource_id'] as unknown as string,
    volume: fields['counter_volume'] as unknown as number,
    epoch: fields['epoch'],
    cycle: Date.parse(fields['timestamp'] as unknown as string) / 1_000,
  };
}

/** Runs all cycles, with a restart in between. Failures are retried or ignored as in an agent. */
export async function work(directory: string, ledger: Ledger, onEvent: () => void = ignore): Promise<Agent> {
  let agent = await started(directory, ledger, onEvent);
  for (let cycle = 1; cycle < lastCycle; cycle++) {
    agent.isBusAway = isBusAway(cycle);
    await agent.cycle(cycle).then(onEvent, ignore);
    if (!agent.isBusAway) await agent.flush().catch(ignore);
    if (cycle !== restartAfter) continue;
    await agent.outbox.stop().catch(ignore);
    agent = await started(directory, ledger, onEvent);
  }
  return agent;
}

/** Starts it, repeatedly if a fault prevents it, as a service manager does. @throws if it does not start without a fault either */
async function started(directory: string, ledger: Ledger, onEvent: () => void): Promise<Agent> {
  for (let tries = 1; ; tries++) {
    const agent = new Agent(directory, ledger, onEvent);
    try {
      await agent.outbox.start();
      return agent;
    } catch (error) {
      if (tries === 30) throw error;
    }
  }
}

/**
 * Starts an agent on a state directory, runs one more cycle, and sends everything.
 *
 * @param cycle the next one, or the one in progress; this one has other readings at the same time
 */
export async function recover(directory: string, ledger: Ledger, cycle: number): Promise<void> {
  const agent = new Agent(directory, ledger);
  await agent.outbox.start();
  try {
    await agent.cycle(cycle + 0.5);
    await agent.flush();
  } finally {
    await agent.outbox.stop();
  }
}

export const bandOf = ({ meter: name, resource, cycle }: Sent): number | undefined => {
  const reading = readingsOf(cycle).find(({ id }) => resource === id || resource === `${id}-vda`);
  if (reading === undefined) return undefined;
  // Totals have one epoch for each run, and runs with the same name are distinguished by what is between them.
  return name === meter || reading.id === 'restarts' ? reading.band : 0;
};
