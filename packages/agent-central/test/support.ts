import type { OutgoingMessage } from '@nephoscope/core/message-bus';
import { Secret } from '@nephoscope/core/options';
import type { CentralPollster, CloudFigure } from '@nephoscope/core/pollster';
import { FakeBus, FakeClock, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { CentralAgent } from '../src/agent.js';
import type { CloudSession } from '../src/cycle-cloud.js';
import type { ActivePollster } from '../src/cycle.js';
import { centralOptions } from '../src/options.js';

export const secret = new Secret('a secret of the tests');

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`timed out waiting: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Advances the fake clock second by second until the condition is true. */
export async function advanceUntil(what: string, clock: FakeClock, condition: () => boolean): Promise<void> {
  for (let second = 0; !condition(); second++) {
    if (second > 3_600) throw new Error(`timed out waiting: ${what}`);
    await clock.advance(1_000);
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

export interface Line {
  readonly message_id: string;
  readonly counter_name: string;
  readonly resource_id: string;
  readonly [key: string]: unknown;
}

/** The metering messages in these, as they are sent. */
export function lines(messages: readonly OutgoingMessage[]): Line[] {
  return messages.flatMap(({ body }) =>
    Buffer.from(body)
      .toString('utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line),
  );
}

export const ids = (messages: readonly OutgoingMessage[]) => lines(messages).map(({ message_id }) => message_id);

export const figure = (meter: string, resourceId: string, volume: number | bigint = 1): CloudFigure => ({
  ...{ meter, volume, userId: null, projectId: 'project', resourceId, metadata: {} },
});

/** A pollster with a single meter of the same name. */
export const pollster = (name: string, getCounters: CentralPollster['getCounters']): ActivePollster => ({
  name,
  meters: [{ name, type: 'gauge', unit: 'x', description: 'of the tests' }],
  pollster: { getCounters },
});

/** A pollster of resources with these ids. */
export const things = (name: string, ...resources: readonly string[]): ActivePollster =>
  pollster(name, () => resources.map((id) => figure(name, id)));

export const noCloud: CloudSession = {
  list: () => {
    throw new Error('no pollster of this test lists');
  },
  head: () => Promise.reject(new Error('no pollster of this test asks')),
  endpoint: () => Promise.reject(new Error('no pollster of this test asks')),
  away: () => [],
};

export interface AgentFields {
  readonly pollsters: readonly ActivePollster[];
  readonly bus: FakeBus;
  readonly clock: FakeClock;
  readonly host: string;
  readonly options: Record<string, unknown>;
  readonly session: CloudSession;
}

const made: { readonly agent: CentralAgent; readonly clock: FakeClock }[] = [];

/** Stops an agent, and advances its clock until it has stopped. */
export async function stop({ agent, clock }: (typeof made)[number]): Promise<void> {
  let done = false;
  const stopped = agent.stop().finally(() => (done = true));
  await advanceUntil('the agent is stopped', clock, () => done);
  await stopped;
}

export async function stopAgents(): Promise<void> {
  for (const one of made.splice(0)) await stop(one);
}

/** A running agent, and everything a test can observe. */
export async function startAgent({
  pollsters = [things('one', 'a', 'b')],
  bus = new FakeBus(),
  clock = new FakeClock(),
  host = 'controller-1',
  options = {},
  session = noCloud,
}: Partial<AgentFields> = {}) {
  const logger = new RecordingLogger();
  const registry = new Registry();
  const agent = new CentralAgent({
    options: centralOptions.parse(options),
    source: 'openstack',
    host,
    secrets: [secret],
    session,
    bus,
    pollsters,
    failedPlugins: 0,
    logger,
    clock,
    registry,
  });
  made.push({ agent, clock });
  await agent.start();
  const told = (level?: string) =>
    logger.entries.filter((entry) => level === undefined || entry.level === level).map(({ message }) => message);
  return { agent, bus, clock, registry, told };
}
