import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { OutgoingMessage } from '@nephoscope/core/message-bus';
import { FakeClock, FakeInspector, instanceReading } from '@nephoscope/testing';

import { readSegment } from '../src/spool/segment.js';
import {
  createAgent,
  lines,
  pollster,
  refuse,
  ScriptedBus,
  sequences,
  temporaryFolder,
  until,
} from './support.js';
import type { AgentFields } from './support.js';

const root = temporaryFolder();
let count = 0;
export const newPath = () => join(root, `state-${++count}`);
export const never = new AbortController().signal;

export const one = pollster('one', ['one', 'two'], function* () {
  yield { meter: 'one', volume: 1 };
  yield { meter: 'two', volume: 2 };
});

/** Stops an agent, and advances its clock until it has stopped. */
export async function stop(agent: { stop(): Promise<void> }, clock: FakeClock): Promise<void> {
  let done = false;
  const stopped = agent.stop().finally(() => (done = true));
  stopped.catch(() => undefined);
  await advanceUntil('the agent is stopped', clock, () => done);
  await stopped;
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.allSettled(stops.splice(0).map((stop) => stop()));
});

export async function started(fields: Partial<AgentFields> = {}) {
  const bus = (fields.bus as ScriptedBus | undefined) ?? new ScriptedBus();
  const clock = (fields.clock as FakeClock | undefined) ?? new FakeClock();
  const inspector = fields.inspector ?? new FakeInspector([instanceReading()]);
  const stateDirectory = fields.stateDirectory ?? newPath();
  const made = createAgent({ pollsters: [one], ...fields, stateDirectory, bus, clock, inspector });
  stops.push(() => stop(made.agent, clock));
  await inspector.start(never);
  await made.agent.start();
  return { ...made, bus, clock, inspector, stateDirectory };
}

export function awayBus(): ScriptedBus {
  const bus = new ScriptedBus();
  bus.answer = refuse;
  return bus;
}

/** The sequence numbers of the samples in the spool. */
export function spooled(stateDirectory: string): number[] {
  const folder = join(stateDirectory, 'spool');
  return readdirSync(folder)
    .sort()
    .flatMap((name) => readSegment(readFileSync(join(folder, name))).records)
    .flatMap(({ record }) => (record.kind === 'message' ? sequences([record.message]) : []));
}

/** The messages that were offered to the bus, each once. */
export const distinct = (messages: readonly OutgoingMessage[]) => [
  ...new Map(lines(messages).map((line) => [line['message_id'], line])).values(),
];

/** Advances a fake clock until a condition holds that also depends on the disk. */
export async function advanceUntil(what: string, clock: FakeClock, condition: () => boolean) {
  await until(what, async () => {
    await clock.advance(1_000);
    return condition();
  });
}
