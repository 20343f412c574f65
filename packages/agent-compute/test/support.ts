import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import type { Clock, Meter, ServiceSettings } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';
import type { InstancePart } from '@nephoscope/core/instance';
import type { MessageBus, OutgoingMessage } from '@nephoscope/core/message-bus';
import { Secret } from '@nephoscope/core/options';
import { definePollster } from '@nephoscope/core/pollster';
import type { ComputePollsterPlugin, Counters, Figure, Poll, Total } from '@nephoscope/core/pollster';
import { createSigner } from '@nephoscope/message';
import { FakeBus as ScriptedBus, FakeClock, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { ComputeAgent } from '../src/agent.js';
import { createAgentMetrics } from '../src/metrics.js';
import { computeOptions } from '../src/options.js';
import { Outbox } from '../src/outbox.js';
import type { ActivePollster } from '../src/poll-group.js';

export const secret = new Secret('a secret of the tests');
export const signer = createSigner({ secret, form: 'canonical' });

/** A folder for tests, removed after them. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nephoscope-agent-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Reads the folder repeatedly until no file was added or removed meanwhile, so that the result is consistent. */
export function atOneMoment<T>(folder: string, read: () => T): T {
  for (let attempt = 1; ; attempt++) {
    const before = readdirSync(folder);
    try {
      const result = read();
      if (readdirSync(folder).join('/') === before.join('/')) return result;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (attempt === 100) throw new Error(`${folder} does not come to rest`);
  }
}

/** Copies a folder as the next process finds it after kill -9; returns the copy. */
export function copyAsKilled(folder: string, copy: string): string {
  return atOneMoment(folder, () => {
    rmSync(copy, { recursive: true, force: true });
    cpSync(folder, copy, { recursive: true });
    return copy;
  });
}

/** Lets everything happen that needs neither time nor I/O. */
export async function ticks(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`timed out waiting: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The value of a metric, summed over all its labels or those given. */
export async function metric(
  registry: Registry,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const { values } = await registry.getSingleMetric(name)!.get();
  return values
    .filter((one) =>
      Object.entries(labels).every(([key, value]) => (one.labels as Record<string, unknown>)[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

type GetCounters<P extends InstancePart> = (poll: Poll<P>, signal: AbortSignal) => Counters<Figure | Total>;

const gauge = (name: string): Meter => ({ name, type: 'gauge', unit: 'x', description: 'of the tests' });

/** A pollster of gauge meters with these names. */
export function pollster<const P extends InstancePart = never>(
  name: string,
  meters: readonly (string | Meter)[],
  getCounters: GetCounters<P>,
  reads: readonly P[] = [],
): ActivePollster {
  const plugin = definePollster({
    meters: meters.map((meter) => (typeof meter === 'string' ? gauge(meter) : meter)),
    reads,
    create: () => ({ getCounters }),
  }) as unknown as ComputePollsterPlugin;
  return { name, plugin, pollster: { getCounters } as ActivePollster['pollster'] };
}

export { ScriptedBus };

export const refuse = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'the broker is away'));
export const hang = () => new Promise<never>(() => undefined);

/** The metering messages in these, as they are sent. */
export function lines(messages: readonly OutgoingMessage[]): Record<string, unknown>[] {
  return messages.flatMap(({ body }) =>
    Buffer.from(body)
      .toString('utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  );
}

export const sequences = (messages: readonly OutgoingMessage[]) =>
  lines(messages).map(({ sequence }) => sequence as number);

/** 1, 2, … count */
export const counted = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

export interface AgentFields {
  readonly stateDirectory: string;
  readonly pollsters: readonly ActivePollster[];
  readonly inspector: Inspector;
  readonly bus?: MessageBus;
  readonly clock?: Clock;
  readonly options?: Record<string, unknown>;
  readonly nova?: ServiceSettings;
}

/** An agent, and everything a test can observe. */
export function createAgent({
  stateDirectory,
  pollsters,
  inspector,
  bus = new ScriptedBus(),
  clock = new FakeClock(),
  options = {},
  nova,
}: AgentFields) {
  const logger = new RecordingLogger();
  const registry = new Registry();
  const shared = {
    options: computeOptions.parse({ stateDirectory, ...options }),
    host: 'compute-1',
    secrets: [secret],
    bus,
    logger,
    clock,
    metrics: createAgentMetrics(registry),
  };
  const outbox = new Outbox({ ...shared, source: 'openstack' });
  const compute = new ComputeAgent({ ...shared, nova, inspector, outbox, pollsters, failedPlugins: 0 });
  const agent = {
    start: () => outbox.start(),
    run: () => compute.run(),
    once: (signal: AbortSignal) => compute.once(signal),
    health: () => compute.health(),
    async stop() {
      await compute.stop();
      await outbox.stop();
    },
  };
  const told = (level?: string) =>
    logger.entries.filter((entry) => level === undefined || entry.level === level).map(({ message }) => message);
  return { agent, registry, logger, told };
}
