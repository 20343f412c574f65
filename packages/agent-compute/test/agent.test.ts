import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { OutgoingMessage } from '@nephoscope/core';
import { FakeClock, fakeStart, FakeInspector, instanceReading } from '@nephoscope/testing';

import { readSegment } from '../src/spool/segment.js';
import {
  counted,
  createAgent,
  hang,
  lines,
  metric,
  pollster,
  refuse,
  ScriptedBus,
  sequences,
  temporaryFolder,
  turns,
  until,
} from './support.js';
import type { AgentFields } from './support.js';

const root = temporaryFolder();
let count = 0;
const newPath = () => join(root, `state-${++count}`);
const never = new AbortController().signal;

const one = pollster('one', ['one', 'two'], function* ({ counter }) {
  yield counter('one', 1);
  yield counter('two', 2);
});

/** Stops an agent, and lets its clock run on for as long as that takes. */
async function stop(agent: { stop(): Promise<void> }, clock: FakeClock): Promise<void> {
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

async function started(fields: Partial<AgentFields> = {}) {
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

function awayBus(): ScriptedBus {
  const bus = new ScriptedBus();
  bus.answer = refuse;
  return bus;
}

/** The numbers of the samples in the spool. */
function spooled(stateDirectory: string): number[] {
  const folder = join(stateDirectory, 'spool');
  return readdirSync(folder)
    .sort()
    .flatMap((name) => readSegment(readFileSync(join(folder, name))).records)
    .flatMap(({ record }) => (record.kind === 'message' ? sequences([record.message]) : []));
}

/** What the bus was offered, each message once. */
const distinct = (messages: readonly OutgoingMessage[]) => [
  ...new Map(lines(messages).map((line) => [line['message_id'], line])).values(),
];

/** Lets a fake clock run on until something that needs the disk too has come about. */
async function advanceUntil(what: string, clock: FakeClock, condition: () => boolean) {
  await until(what, async () => {
    await clock.advance(1_000);
    return condition();
  });
}

describe('cycles', () => {
  it('run at once and at each interval', async () => {
    const clock = new FakeClock(fakeStart + 3_000_000_000n);
    const { agent, bus, registry } = await started({ clock, options: { interval: '10s' } });
    const running = agent.run();
    await until('the first cycle is sent', () => bus.confirmed.length === 2);
    await clock.advance(7_000);
    await until('the second cycle is sent', () => bus.confirmed.length === 4);
    expect(sequences(bus.confirmed)).toEqual(counted(4));
    expect(await metric(registry, 'nephoscope_cycles_total', { result: 'done' })).toBe(2);
    expect(await metric(registry, 'nephoscope_unsent_samples')).toBe(0);
    expect(agent.health()).toEqual({ ok: true });
    await agent.stop();
    await running;
    expect(clock.sleepers).toBe(0);
  });

  it('that take longer than the interval are skipped, counted and told; others are not held up', async () => {
    const inspector = new FakeInspector([instanceReading()]);
    let release: () => void = () => undefined;
    const { agent, clock, bus, registry, told } = await started({
      inspector,
      options: { interval: '10s', timeout: '1m', groups: [{ name: 'seldom', interval: '25s', meters: ['two'] }] },
    });
    const inspect = inspector.inspect.bind(inspector);
    inspector.inspect = async (parts, signal) => {
      await new Promise<void>((resolve) => (release = resolve));
      return inspect(parts, signal);
    };
    void agent.run();
    await clock.advance(20_000);
    expect(await metric(registry, 'nephoscope_cycles_skipped_total')).toBe(2);
    expect(told('warn')).toEqual(Array(2).fill('a cycle is skipped: the one before is not done'));
    inspector.inspect = inspect;
    release();
    await until('it is sent', () => bus.confirmed.length === 2);
    await clock.advance(10_000);
    await until('the cycles after it are sent', () => bus.confirmed.length >= 4);
    expect(await metric(registry, 'nephoscope_cycles_skipped_total')).toBe(2);
  });

  it('that fall due while the process stands still are skipped, counted and told in one line', async () => {
    const { agent, clock, bus, registry, told } = await started({ options: { interval: '10s', timeout: '5s' } });
    void agent.run();
    await until('the first cycle is sent', () => bus.confirmed.length === 2);
    await clock.advance(10_000);
    await until('the second cycle is sent', () => bus.confirmed.length === 4);
    // Due were those at 20, 30, 40 and 50 s, of which the last is not too late.
    clock.freeze(45_000);
    await clock.advance(0);
    await until('the one that was due last is sent', () => bus.confirmed.length === 6);
    expect(await metric(registry, 'nephoscope_cycles_skipped_total')).toBe(3);
    expect(told('warn')).toEqual([
      'the agent did nothing for 35 s, 3 cycles are skipped: its process was stopped, had no CPU, or something in it kept it',
    ]);
    expect(agent.health()).toEqual({ ok: true });
    expect(sequences(bus.confirmed)).toEqual(counted(6));
  });

  it('are given up at their deadline, and the next one runs', async () => {
    const inspector = new FakeInspector([instanceReading()]);
    const { agent, clock, bus, registry, told } = await started({
      inspector,
      options: { interval: '1m', timeout: '30s' },
    });
    const { inspect } = inspector;
    inspector.inspect = hang;
    void agent.run();
    await clock.advance(30_000);
    expect(told('error')).toEqual(['nothing was taken in this cycle: not done within 30 s (compute.timeout)']);
    expect(agent.health()).toEqual({ ok: false, reason: 'not done within 30 s (compute.timeout)' });
    expect(await metric(registry, 'nephoscope_cycles_total', { result: 'failed' })).toBe(1);
    inspector.inspect = inspect;
    await clock.advance(30_000);
    await until('the next cycle is sent', () => bus.confirmed.length === 2);
    expect(agent.health()).toEqual({ ok: true });
  });

  it('that do not come any more are said, with since when', async () => {
    const { agent, clock, bus } = await started({ options: { interval: '1m', timeout: '30s' } });
    clock.sleep = hang;
    void agent.run();
    await until('the first cycle is sent', () => bus.confirmed.length === 2);
    await clock.advance(210_000);
    expect(agent.health()).toEqual({ ok: true });
    await clock.advance(1);
    expect(agent.health()).toEqual({
      ok: false,
      reason: 'no cycle has ended since 2026-11-22T21:00:00.000Z, which may take 210 s',
      since: '2026-11-22T21:00:00.000Z',
      isStuck: true,
    });
  });

  it('end the signal that their pollsters have', async () => {
    const signals: AbortSignal[] = [];
    const watching = pollster('watching', ['watching'], ({ signal }) => {
      signals.push(signal);
      return [];
    });
    const { agent } = await started({ pollsters: [watching] });
    await agent.once(never);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('need a pollster', () => {
    expect(() =>
      createAgent({ stateDirectory: newPath(), pollsters: [], inspector: new FakeInspector() }),
    ).toThrow(expect.objectContaining({ code: 'NOTHING_TO_POLL' }));
  });
});

describe('once', () => {
  it('resolves when all is confirmed, and declared the queue before', async () => {
    const { agent, bus } = await started();
    await agent.once(never);
    expect(bus.confirmed).toHaveLength(2);
    expect(bus.declared.map(({ queue }) => queue)).toEqual(['metering']);
  });

  it('fails with the reading', async () => {
    const { agent } = await started({ inspector: new FakeInspector(new Error('libvirt is away')) });
    await expect(agent.once(never)).rejects.toThrow('libvirt is away');
  });

  it('fails when a pollster failed, after the others are confirmed', async () => {
    const bad = pollster('bad', ['bad'], () => {
      throw new Error('no such sensor');
    });
    const { agent, bus } = await started({ pollsters: [bad, one] });
    await expect(agent.once(never)).rejects.toMatchObject({
      code: 'POLLSTERS_FAILED',
      message: 'counters of bad are missing: see the failures in the log',
    });
    expect(bus.confirmed).toHaveLength(2);
  });

  it.each([
    ['refuses them', refuse, '2 samples are not confirmed by the bus: the broker is away'],
    ['does not answer', hang, '2 samples are not confirmed by the bus: it did not answer in time'],
  ])('says how many samples are not confirmed when the bus %s', async (_, answer, message) => {
    const { agent, bus, told } = await started();
    bus.answer = answer;
    const deadline = new AbortController();
    const result = agent.once(deadline.signal);
    await until('it was tried', () => (answer === refuse ? told('warn').length > 0 : bus.offered.length === 2));
    deadline.abort();
    await expect(result).rejects.toMatchObject({ code: 'SAMPLES_UNSENT', message });
  });

  it('says that samples wait while the bus neither confirms nor refuses them', async () => {
    const { agent, clock, bus } = await started();
    bus.answer = hang;
    void agent.once(new AbortController().signal).catch(() => undefined);
    await until('they are offered', () => bus.offered.length === 2);
    await clock.advance(120_000);
    expect(agent.health()).toEqual({ ok: true });
    await clock.advance(1);
    expect(agent.health()).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^samples wait, and nothing was confirmed or refused since /),
      isStuck: true,
    });
  });

  it('ends a reading that hangs when its signal does', async () => {
    const inspector = new FakeInspector([]);
    const { agent } = await started({ inspector });
    inspector.inspect = hang;
    await expect(agent.once(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });

  it('cannot be before the start', async () => {
    const inspector = new FakeInspector([instanceReading()]);
    await inspector.start(never);
    const { agent } = createAgent({ stateDirectory: newPath(), pollsters: [one], inspector });
    expect(agent.health()).toEqual({ ok: false, reason: 'not started' });
    await expect(agent.once(never)).rejects.toMatchObject({ code: 'AGENT_NOT_STARTED' });
  });
});

describe('while the bus is away', () => {
  it('keeps what was taken, on disk too, and sends it in order when the bus is back', async () => {
    const { agent, bus, clock, told, registry, stateDirectory } = await started({ options: { interval: '10s' } });
    bus.answer = refuse;
    const running = agent.run();
    await advanceUntil('three cycles wait', clock, () => told('info').length === 3);
    expect(spooled(stateDirectory)).toHaveLength(6);
    expect(agent.health()).toEqual({
      ok: false,
      reason: expect.stringMatching(/^\d samples wait: the broker is away$/),
    });
    expect(await metric(registry, 'nephoscope_unsent_samples')).toBe(6);
    expect(bus.confirmed).toEqual([]);

    bus.answer = () => Promise.resolve();
    await advanceUntil('it is sent', clock, () => bus.confirmed.length >= 6);
    const sent = sequences(bus.confirmed);
    expect(sent).toEqual(counted(sent.length));
    expect(await metric(registry, 'nephoscope_unsent_samples')).toBe(0);
    await until('it is well', () => agent.health().ok);
    expect(told('info')).toContain('the samples that waited are sent');
    await agent.stop();
    await running;
  });

  it('waits longer and longer between two tries', async () => {
    const clock = new FakeClock();
    const pauses: number[] = [];
    const sleep = clock.sleep.bind(clock);
    clock.sleep = (ms, signal) => {
      if (ms !== 30 * 60_000) pauses.push(ms);
      return sleep(ms, signal);
    };
    const { agent, bus } = await started({ clock, options: { timeout: '30m' } });
    bus.answer = refuse;
    void agent.once(never).catch(() => undefined);
    await until('there were nine tries', async () => {
      await clock.advance(500);
      return pauses.length === 9;
    });
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('keeps only the messages that were not confirmed', async () => {
    const { agent, bus, clock } = await started();
    bus.answer = ({ routingKey }) =>
      routingKey === 'metering.one' && bus.offered.length <= 2 ? refuse() : Promise.resolve();
    const done = agent.once(never);
    await until('both were offered', () => bus.confirmed.length === 1);
    await advanceUntil('the other is confirmed', clock, () => bus.confirmed.length === 2);
    await done;
    expect(bus.offered.map(({ routingKey }) => routingKey)).toEqual([
      'metering.one',
      'metering.two',
      'metering.one',
    ]);
    expect(bus.offered[2]).toBe(bus.offered[0]);
  });

  it('fails a cycle, and says what to do, when the spool is full; takes the next when there is room', async () => {
    const { agent, bus, clock, told, registry } = await started({
      bus: awayBus(),
      options: { interval: '10s', timeout: '5s', spool: { maxBytes: 3_000 } },
    });
    void agent.run();
    const full = () => told('error').filter((text) => text.includes('compute.spool.maxBytes'));
    await advanceUntil('a cycle failed', clock, () => full().length > 0);
    expect(full()[0]).toMatch(
      /^nothing was taken in this cycle: the spool .*spool holds \d+ bytes that cannot be thinned now, of 3000 \(compute\.spool\.maxBytes\): mend the bus, or raise it; given up: not done within 5 s/,
    );
    expect(agent.health()).toEqual({
      ok: false,
      reason: expect.stringMatching(/^the spool .* cannot be thinned now/),
    });
    expect(await metric(registry, 'nephoscope_cycles_total', { result: 'failed' })).toBeGreaterThan(0);
    bus.answer = () => Promise.resolve();
    await advanceUntil('another is taken', clock, () => bus.confirmed.length >= 8);
    const sent = sequences(bus.confirmed);
    expect(sent).toEqual(counted(sent.length));
  });
});

describe('a restart', () => {
  it('sends what the bus had not confirmed at the stop, with the same ids and before anything new', async () => {
    const first = await started();
    first.bus.answer = hang;
    const deadline = new AbortController();
    const done = first.agent.once(deadline.signal).catch(() => undefined);
    await until('it was offered', () => first.bus.offered.length === 2);
    deadline.abort();
    await stop(first.agent, first.clock);
    await done;
    expect(first.told('warn')).toEqual([
      '2 samples are not confirmed by the bus: it did not answer in time; they are in the spool, and sent at the next start',
    ]);

    const second = await started({ stateDirectory: first.stateDirectory });
    await second.agent.once(never);
    expect(lines(second.bus.confirmed.slice(0, 2))).toEqual(lines(first.bus.offered));
    expect(sequences(second.bus.confirmed)).toEqual(counted(4));
    await second.agent.stop();

    const third = await started({ stateDirectory: first.stateDirectory });
    await turns(20);
    expect(third.bus.offered).toEqual([]);
  });

  it('sends what was kept while the bus was away although the agent was killed', async () => {
    const first = await started();
    first.bus.answer = refuse;
    void first.agent.once(never).catch(() => undefined);
    await until('it is on disk', () => spooled(first.stateDirectory).length === 2);
    // A copy of what is on disk now is what the next process finds after kill -9.
    const copy = newPath();
    execFileSync('cp', ['-r', first.stateDirectory, copy]);

    const second = await started({ stateDirectory: copy });
    await second.agent.once(never);
    expect(lines(second.bus.confirmed.slice(0, 2))).toEqual(lines(first.bus.offered.slice(0, 2)));
    expect(sequences(second.bus.confirmed)).toEqual(counted(4));
  });

  it('gives no number twice, whenever the agent was killed', async () => {
    const stateDirectory = newPath();
    const first = await started({ stateDirectory });
    // As each message leaves, it is on disk already.
    const ahead: boolean[] = [];
    const slow = pollster('slow', ['slow'], async ({ counter }, { id }) => {
      for (let turn = 0; turn < Number(id); turn++) await turns(1);
      return [counter('slow', 1)];
    });
    const readings = Array.from({ length: 60 }, (_, index) =>
      instanceReading({ instance: { id: `${index}`, name: `vm-${index}` } }),
    );
    await first.agent.stop();
    const second = await started({
      stateDirectory,
      pollsters: [slow, one],
      inspector: new FakeInspector(readings),
    });
    second.bus.answer = () => {
      const numbers = sequences(second.bus.offered.slice(-1));
      ahead.push(numbers.every((number) => spooled(stateDirectory).includes(number)));
      return Promise.resolve();
    };
    await second.agent.once(never);
    expect(ahead.length).toBeGreaterThan(1);
    expect(ahead).not.toContain(false);
    expect(sequences(second.bus.confirmed).sort((a, b) => a - b)).toEqual(counted(180));
  });
});

describe('when the disk of the state is full', () => {
  const fill = (place: string) =>
    execFileSync('sh', ['-c', 'cat /dev/zero > "$0/filler" 2>/dev/null || true', place]);

  it('takes nothing, says why, and goes on without a gap when there is space again', async () => {
    const place = newPath();
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]);
    try {
      const { agent, bus, clock, told } = await started({
        stateDirectory: place,
        options: { interval: '10s', timeout: '5s' },
      });
      const running = agent.run();
      await until('the first cycle is sent', () => bus.confirmed.length === 2);
      fill(place);
      await advanceUntil('a cycle failed', clock, () => told('error').length > 0);
      expect(told('error')[0]).toMatch(/^nothing was taken in this cycle: .*free space there.*ENOSPC/);
      expect(agent.health()).toEqual({
        ok: false,
        reason: expect.stringMatching(/free space there.*ENOSPC/),
      });
      execFileSync('rm', [join(place, 'filler')]);
      await advanceUntil('it is sent', clock, () => bus.confirmed.length >= 4);
      await advanceUntil('it is well', clock, () => agent.health().ok);
      await stop(agent, clock);
      await running;
      expect(sequences(bus.confirmed)).toEqual(counted(bus.confirmed.length));
    } finally {
      execFileSync('umount', ['--lazy', place]);
    }
  });

  it.each(['once', 'start'])('fails %s', async (what) => {
    const place = newPath();
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]);
    try {
      if (what === 'start') {
        fill(place);
        await expect(started({ stateDirectory: place })).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
        return;
      }
      const names = Array.from({ length: 50 }, (_, index) => `meter.${index}`);
      const many = pollster('many', names, ({ counter }) => names.map((name) => counter(name, 1)));
      const { agent, clock } = await started({ stateDirectory: place, pollsters: [many] });
      fill(place);
      const failed = expect(agent.once(never)).rejects.toThrow(/free space there.*given up: not done within 30 s/);
      for (let seconds = 0; seconds < 60; seconds++) {
        await turns();
        await clock.advance(1_000);
      }
      await failed;
      await stop(agent, clock).catch(() => undefined);
    } finally {
      execFileSync('umount', ['--lazy', place]);
    }
  });
});

describe('stop', () => {
  it('is safe before the start, twice and at the same time', async () => {
    const inspector = new FakeInspector([instanceReading()]);
    await inspector.start(never);
    const { agent } = createAgent({ stateDirectory: newPath(), pollsters: [one], inspector });
    await Promise.all([agent.stop(), agent.stop()]);
    const other = await started();
    await Promise.all([other.agent.stop(), other.agent.stop()]);
    await other.agent.stop();
    await other.agent.run();
    await other.agent.stop();
  });

  it('ends a reading that hangs', async () => {
    const inspector = new FakeInspector([]);
    const { agent, clock, told } = await started({ inspector });
    inspector.inspect = hang;
    const running = agent.run();
    await clock.advance(1_000);
    await stop(agent, clock);
    await running;
    expect(told('error')).toEqual([]);
  });

  it('ends a cycle whose pollster hangs, and sends what the others took', async () => {
    const { agent, clock, bus } = await started({ pollsters: [pollster('hung', ['hung'], hang), one] });
    const running = agent.run();
    await until('the others are sent', () => bus.confirmed.length === 2);
    await stop(agent, clock);
    await running;
  });

  it('does not wait for a bus that never answers, and leaves the state directory', async () => {
    const { agent, bus, clock, stateDirectory } = await started();
    bus.answer = hang;
    void agent.run();
    await until('it was offered', () => bus.offered.length === 2);
    await stop(agent, clock);
    const next = await started({ stateDirectory });
    await until('it is sent', () => next.bus.confirmed.length === 2);
    expect(distinct(next.bus.confirmed)).toEqual(distinct(bus.offered));
  });
});
