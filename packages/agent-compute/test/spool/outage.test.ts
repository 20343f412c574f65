import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { jest } from '@jest/globals';
import type { OutgoingMessage } from '@nephoscope/core/message-bus';
import { meteringTexts } from '@nephoscope/message';
import { FakeBus, FakeClock } from '@nephoscope/testing';

import { copyAsKilled, metric, temporaryFolder, until } from '../support.js';
import { counterAt, never, openSpool } from './support.js';
import type { SpoolFields } from './support.js';

const root = temporaryFolder();
let count = 0;
const newFolder = () => join(root, `outage-${++count}`);
const opened: Awaited<ReturnType<typeof openSpool>>[] = [];
const sending: { stop(): void }[] = [];
// As in spooling.ts: the longest pauses between attempts.
beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
afterEach(async () => {
  jest.restoreAllMocks();
  for (const sender of sending.splice(0)) sender.stop();
  await Promise.all(opened.splice(0).map(({ spool }) => spool.close()));
});

type Made = Awaited<ReturnType<typeof openSpool>>;

async function spooling(fields: Partial<SpoolFields> = {}): Promise<Made> {
  const made = await openSpool({ folder: newFolder(), ...fields });
  opened.push(made);
  return made;
}

interface Line {
  readonly counter_name: string;
  readonly counter_type: string;
  readonly counter_volume: number;
  readonly resource_id: string;
  readonly epoch?: string;
  readonly sequence?: number;
  readonly timestamp: string;
  readonly message_id: string;
  readonly resource_metadata: { readonly from: string; readonly to: string };
}

const linesOf = (messages: readonly OutgoingMessage[]) =>
  messages.flatMap(({ body, contentType }) =>
    [...meteringTexts(body, contentType)].map((text) => JSON.parse(text as string) as Line),
  );
const isReport = ({ counter_name }: Line) => counter_name === 'nephoscope.samples.dropped';

/** The last minus the first volume of each series and epoch. */
function growth(lines: readonly Line[]): Map<string, number> {
  const spans = new Map<string, { first: Line; last: Line }>();
  for (const line of lines) {
    if (line.counter_type !== 'cumulative' || isReport(line)) continue;
    const key = `${line.counter_name} ${line.resource_id} ${line.epoch}`;
    const span = spans.get(key);
    if (span === undefined) spans.set(key, { first: line, last: line });
    else if (line.timestamp < span.first.timestamp) span.first = line;
    else if (line.timestamp > span.last.timestamp) span.last = line;
  }
  return new Map([...spans].map(([key, { first, last }]) => [key, last.counter_volume - first.counter_volume]));
}

const byMeter = (lines: readonly Line[]) => {
  const counts: Record<string, number> = {};
  for (const { counter_name: name } of lines) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

/** Appends readings of this many instances at each interval to the spool, while the bus is unavailable. */
async function outage(
  made: Made,
  {
    cycles,
    instances,
    minutes,
  }: { readonly cycles: number; readonly instances: number; readonly minutes: number },
  onCycle: () => void = () => undefined,
): Promise<Line[]> {
  const { clock, spool, write } = made;
  const taken: Line[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    const ids = Array.from({ length: instances }, (_, index) => `instance-${index}`);
    // After a third of the time all instances are restarted.
    const epoch = cycle * 3 < cycles ? 'boot-1/1' : 'boot-1/2';
    const messages = write(
      ids.flatMap((id, index) => [
        counterAt(clock, 'cpu', 'cumulative', cycle * (index + 1), id),
        counterAt(clock, 'memory.usage', 'gauge', cycle, id),
        ...(index === 0 ? [counterAt(clock, 'requests', 'delta', cycle, id)] : []),
      ]),
      epoch,
    );
    await spool.append(messages, never);
    taken.push(...linesOf(messages));
    onCycle();
    await clock.advance(minutes * 60_000);
  }
  return taken;
}

async function sendAll(made: Made, bus: FakeBus): Promise<Line[]> {
  bus.answer = () => Promise.resolve();
  backs.get(bus)?.(new Error('the connection is lost'));
  const before = bus.confirmed.length;
  await until(
    'all is sent',
    async () => {
      await made.clock.advance(30_000);
      return made.spool.isEmpty;
    },
    60_000,
  );
  return linesOf(bus.confirmed.slice(before));
}

/** For each bus: ends the outage by rejecting the messages that wait. */
const backs = new WeakMap<FakeBus, (reason: Error) => void>();

function awayFrom(made: Made): FakeBus {
  const bus = new FakeBus();
  const away = new Promise<never>((_, reject) => backs.set(bus, reject));
  away.catch(() => undefined);
  bus.answer = () => away;
  const { sender } = made.send(bus);
  sending.push(sender);
  return bus;
}

/** What must be true of sent and dropped samples, whatever the limits. */
function expectAccountedFor(taken: readonly Line[], sent: readonly Line[]): Record<string, number> {
  const samples = sent.filter((line) => !isReport(line));
  expect(new Set(samples.map(({ message_id }) => message_id)).size).toBe(samples.length);
  expect(growth(sent)).toEqual(growth(taken));
  const [all, come] = [byMeter(taken), byMeter(samples)];
  const missing = Object.fromEntries(
    Object.entries(all).flatMap(([meter, number]) => {
      const left = number - (come[meter] ?? 0);
      return left === 0 ? [] : [[meter, left]];
    }),
  );
  const reported: Record<string, number> = {};
  for (const line of sent.filter(isReport)) {
    const meter = line.resource_id.split('/').at(-1)!;
    // A cumulative meter: it must not fall.
    expect(line.counter_volume).toBeGreaterThanOrEqual(reported[meter] ?? 0);
    reported[meter] = line.counter_volume;
    expect(line.sequence).toBeUndefined();
  }
  expect(reported).toEqual(missing);
  return missing;
}

describe.each([
  ['nephoscope', 3],
  ['ceilometer', 1],
] as const)('an outage that exceeds the spool, for %s, of %i days', (wire, days) => {
  it('drops only intermediate readings, and reports how many', async () => {
    const maxBytes = 2 * 1024 * 1024;
    const made = await spooling({ wire, maxBytes });
    const bus = awayFrom(made);
    let largest = 0;
    const taken = await outage(made, { cycles: days * 144, instances: 50, minutes: 10 }, () => {
      largest = Math.max(largest, made.spool.bytes);
    });
    expect(largest).toBeLessThanOrEqual(maxBytes);
    const last = taken.at(-1)!.timestamp;
    const sent = await sendAll(made, bus);
    const missing = expectAccountedFor(taken, sent);
    expect(Object.keys(missing).sort()).toEqual(['cpu', 'memory.usage']);
    // All deltas are there, and gauges from the whole time.
    expect(sent.filter(({ counter_name }) => counter_name === 'memory.usage').length).toBeGreaterThan(200);
    for (const [meter, number] of Object.entries(missing))
      expect(await metric(made.registry, 'nephoscope_samples_dropped_total', { meter })).toBe(number);
    const report = sent.findLast(isReport)!;
    expect(report.resource_metadata.from >= taken[0]!.timestamp).toBe(true);
    expect(report.resource_metadata.to <= last).toBe(true);
    expect(made.told('warn').filter((text) => text.startsWith('the spool is thinned: ')).length).toBeGreaterThan(
      0,
    );
    expect(await metric(made.registry, 'nephoscope_unsent_samples')).toBe(0);
    // The totals are saved before the files that contain them are removed.
    await until('a file is removed', () => made.saved.length > 0);
    expect(made.saved.at(-1)).toEqual(
      Object.fromEntries(Object.entries(missing).map(([meter, number]) => [meter, BigInt(number)])),
    );
  }, 120_000);
});

it('accounts for all samples even if the agent is killed several times during an outage', async () => {
  const maxBytes = 256 * 1024;
  const clock = new FakeClock();
  let made = await spooling({ maxBytes, clock });
  const taken: Line[] = [];
  let bus = awayFrom(made);
  for (let round = 0; round < 6; round++) {
    taken.push(...(await outage(made, { cycles: 37, instances: 10, minutes: 10 })));
    // Possibly during a compaction.
    const folder = copyAsKilled(made.folder, newFolder());
    const saved = made.saved.at(-1) ?? {};
    sending.splice(0).forEach((sender) => sender.stop());
    made = await spooling({ folder, maxBytes, clock, totals: saved });
    bus = awayFrom(made);
  }
  const sent = await sendAll(made, bus);
  // Volumes start again in each round, so the ids are compared.
  const ids = new Set(sent.map(({ message_id }) => message_id));
  expect(ids.size).toBe(sent.length);
  expectCounts(taken, sent);
});

function expectCounts(taken: readonly Line[], sent: readonly Line[]): void {
  const reported: Record<string, number> = {};
  for (const line of sent.filter(isReport)) {
    const meter = line.resource_id.split('/').at(-1)!;
    reported[meter] = Math.max(reported[meter] ?? 0, line.counter_volume);
  }
  const [all, come] = [byMeter(taken), byMeter(sent.filter((line) => !isReport(line)))];
  for (const [meter, number] of Object.entries(all))
    expect([meter, (come[meter] ?? 0) + (reported[meter] ?? 0)]).toEqual([meter, number]);
}

it('thins samples older than the limit: gauges are dropped, of cumulative meters the ends are kept', async () => {
  const made = await spooling({ maxAge: 24 * 3_600_000, maxBytes: 16 * 32 * 1024 });
  const bus = awayFrom(made);
  const taken = await outage(made, { cycles: 4 * 24, instances: 2, minutes: 60 });
  // Thinning runs in the background, but on the fake clock these hours take no time.
  await until('it is thinned', async () => {
    taken.push(...(await outage(made, { cycles: 1, instances: 2, minutes: 60 })));
    return made.dropped.total('cpu') > 0n && made.dropped.total('memory.usage') > 0n;
  });
  const sent = await sendAll(made, bus);
  const missing = expectAccountedFor(taken, sent);
  expect(Object.keys(missing).sort()).toEqual(['cpu', 'memory.usage']);
  // Nothing of the last day is dropped.
  const dayBefore = taken.at(-5 * 24)!.timestamp;
  const recent = (lines: readonly Line[]) =>
    byMeter(lines.filter((line) => !isReport(line) && line.timestamp > dayBefore));
  expect(recent(sent)).toEqual(recent(taken));
});

it.each([
  ['ahead by 100 years while the bus is away', 100 * 365 * 86_400_000, false],
  ['ahead by 40 days at a start', 40 * 86_400_000, true],
  ['behind, at 1970, until it is set', -56 * 365 * 86_400_000, false],
])('a wall clock that is %s makes no sample too old', async (_, step, isRestarted) => {
  const options = { maxAge: 24 * 3_600_000, maxBytes: 16 * 32 * 1024 };
  let made = await spooling(options);
  const taken = await outage(made, { cycles: 5, instances: 20, minutes: 60 });
  if (isRestarted) await made.spool.close();
  made.clock.step(step);
  if (isRestarted) made = await spooling({ ...options, folder: made.folder, clock: made.clock });
  const bus = awayFrom(made);
  // Enough cycles for a check of the age, and for complete segments.
  for (let cycle = 0; cycle < 5; cycle += 1)
    taken.push(...(await outage(made, { cycles: 1, instances: 20, minutes: 60 })));
  made.clock.step(-step);
  taken.push(...(await outage(made, { cycles: 5, instances: 20, minutes: 60 })));
  // Thinning runs in the background.
  for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  const sent = await sendAll(made, bus);
  expect(sent.map(({ message_id }) => message_id)).toEqual(taken.map(({ message_id }) => message_id));
});

it('accepts nothing and loses nothing when the spool is full of samples that cannot be thinned', async () => {
  const maxBytes = 64 * 1024;
  const made = await spooling({ maxBytes });
  const bus = awayFrom(made);
  const taken: Line[] = [];
  let failure: unknown;
  for (let cycle = 0; cycle < 300 && failure === undefined; cycle++) {
    const before = made.writer.sequence;
    const messages = made.write([counterAt(made.clock, 'requests', 'delta', cycle, 'vm')]);
    await made.spool.append(messages, never).then(
      () => void taken.push(...linesOf(messages)),
      (error: unknown) => {
        failure = error;
        made.writer.continueFrom(before);
      },
    );
    await made.clock.advance(60_000);
  }
  expect(failure).toMatchObject({
    code: 'SPOOL_FULL',
    message: expect.stringContaining('compute.spool.maxBytes'),
  });
  const sent = await sendAll(made, bus);
  expect(sent).toEqual(taken);
  const next = made.write([counterAt(made.clock, 'requests', 'delta', 1, 'vm')]);
  await made.spool.append(next, never);
  expect(linesOf(next)[0]!.sequence).toBe(taken.length + 1);
});

it('drops nothing if there is no disk space for thinning, and reports it', async () => {
  const made = await spooling({ maxBytes: 64 * 1024 });
  const bus = awayFrom(made);
  // Folders with the names of the files that would replace the segments.
  for (let first = 1; first < 40; first++)
    for (let last = first; last < 40; last++)
      mkdirSync(
        join(made.folder, `${String(first).padStart(10, '0')}-${String(last).padStart(10, '0')}.seg.tmp`, 'x'),
        { recursive: true },
      );
  const taken: Line[] = [];
  await expect(
    (async () => {
      for (let cycle = 0; cycle < 300; cycle++)
        taken.push(...(await outage(made, { cycles: 1, instances: 2, minutes: 1 })));
    })(),
  ).rejects.toMatchObject({ code: 'SPOOL_FULL' });
  expect(made.told('error')[0]).toMatch(/^the spool cannot be thinned: EISDIR/);
  const sent = await sendAll(made, bus);
  expect(sent.map(({ message_id }) => message_id)).toEqual(taken.map(({ message_id }) => message_id));
});
