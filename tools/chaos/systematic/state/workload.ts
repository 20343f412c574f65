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

/** A sample as the bus got it. */
export interface Sent {
  readonly id: string;
  readonly sequence: number | undefined;
  readonly meter: string;
  readonly resource: string;
  readonly volume: number;
  readonly epoch: string | undefined;
  /** The cycle that it was read in; between two, that of a recovery. */
  readonly cycle: number;
}

/** What is known of the agent from outside. */
export interface Ledger {
  readonly sent: Sent[];
  /** Cycles of which the agent said that it has taken them. */
  readonly taken: Set<number>;
}

/** A cycle of each kind of event: bands are runs, or pluggings within a run, each of which begins below the one before. */
interface Reading {
  readonly id: string;
  readonly run: string | undefined;
  readonly band: number;
}

/** What there is in each cycle. */
export function readingsOf(time: number): readonly Reading[] {
  const cycle = Math.floor(time);
  const band = cycle < 3 ? 0 : cycle < 5 ? 1 : cycle < 9 ? 2 : 3;
  const isOff = cycle === 4 || cycle === 8;
  const runs = cycle < 4 ? 0 : cycle < 8 ? 1 : 2;
  return [
    { id: 'falls', run: 'r', band },
    // Its hypervisor names all of its runs the same.
    { id: 'restarts', run: isOff ? undefined : 'r', band: runs },
    ...(cycle >= 5 && cycle < 8 ? [] : [{ id: 'comes-back', run: 'r', band: cycle < 5 ? 0 : 1 }]),
  ];
}

/** How many cycles there are; after the first of these the agent is stopped and started. */
export const lastCycle = 11;
export const restartAfter = 6;
const isBusAway = (cycle: number) => (cycle >= 2 && cycle <= 4) || cycle >= 9;

const meter = 'disk.device.read.bytes';

/** The counters of one instance in one cycle. Its total has a disk that is unplugged later on. */
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

// What waits for time waits a fiftieth of it.
const clock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
};
const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** The agent's part that writes to the state directory. */
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
    // Longer than a fault lasts: what no cycle could note at all is not known afterwards.
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

/** All cycles, with a stop and a start between. What fails is tried again, or left, as it is in an agent. */
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

/** Starts it, again when a fault hinders it, as who runs it does. @throws when it does not start without one either */
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
 * What the next start makes of a state directory: one more cycle, and all is sent.
 *
 * @param cycle that was the next to begin, or under way: its readings are others, of the same time
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
  // Totals have one epoch a run, and runs of one name are told apart by what is between them.
  return name === meter || reading.id === 'restarts' ? reading.band : 0;
};
