import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { OutgoingMessage } from '@nephoscope/core';
import { FakeClock, fakeStart, FakeInspector, instanceReading } from '@nephoscope/testing';

import { StateDirectory } from '../src/state-directory.js';
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
  const stateOnDisk = () =>
    JSON.parse(readFileSync(join(stateDirectory, 'state.json'), 'utf8')) as { sequence: string };
  const unsentOnDisk = () => existsSync(join(stateDirectory, 'unsent.ndjson'));
  return { ...made, bus, clock, inspector, stateDirectory, stateOnDisk, unsentOnDisk };
}

function awayBus(): ScriptedBus {
  const bus = new ScriptedBus();
  bus.answer = refuse;
  return bus;
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
    expect(told('error')).toEqual(['nothing was read in this cycle: not done within 30 s (compute.timeout)']);
    expect(agent.health()).toEqual({ ok: false, reason: 'not done within 30 s (compute.timeout)' });
    expect(await metric(registry, 'nephoscope_cycles_total', { result: 'failed' })).toBe(1);
    inspector.inspect = inspect;
    await clock.advance(30_000);
    await until('the next cycle is sent', () => bus.confirmed.length === 2);
    expect(agent.health()).toEqual({ ok: true });
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

  it('ends a reading that hangs when its signal does', async () => {
    const inspector = new FakeInspector([]);
    const { agent } = await started({ inspector });
    inspector.inspect = hang;
    await expect(agent.once(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });

  it('cannot be before the start', async () => {
    const { agent } = createAgent({ stateDirectory: newPath(), pollsters: [one], inspector: new FakeInspector() });
    expect(agent.health()).toEqual({ ok: false, reason: 'not started' });
    await expect(agent.once(never)).rejects.toMatchObject({ code: 'AGENT_NOT_STARTED' });
  });
});

describe('while the bus is away', () => {
  it('keeps what was taken, on disk too, and sends it in order when the bus is back', async () => {
    const { agent, bus, clock, told, registry, unsentOnDisk } = await started({ options: { interval: '10s' } });
    bus.answer = refuse;
    const running = agent.run();
    await advanceUntil('three cycles wait', clock, () => told('info').length === 3);
    await until('they are on disk', unsentOnDisk);
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
    await until('nothing is kept', () => !unsentOnDisk());
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

  it('takes no more samples when memory for them is used up, and says so', async () => {
    const stateDirectory = newPath();
    const before = new StateDirectory(stateDirectory);
    await before.open();
    await before.keepUnsent([
      {
        exchange: 'ceilometer',
        routingKey: 'metering.cpu',
        contentType: 'x',
        samples: 80,
        body: Buffer.alloc(64 * 1024 * 1024),
      },
    ]);
    await before.close();

    const { agent, clock, inspector, registry, told } = await started({
      stateDirectory,
      bus: awayBus(),
      options: { interval: '10s' },
    });
    void agent.run();
    await clock.advance(10_000);
    expect(told('warn').filter((text) => text.includes('skipped'))).toEqual(
      Array(2).fill('a cycle is skipped: 1 messages wait for the bus, and memory for more is used up'),
    );
    expect(await metric(registry, 'nephoscope_cycles_skipped_total')).toBe(2);
    expect(await metric(registry, 'nephoscope_unsent_samples')).toBe(80);
    expect((inspector as FakeInspector).asked).toEqual([]);
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
      '2 samples are not confirmed by the bus: it did not answer in time; they are kept in the state directory and sent at the next start',
    ]);

    const second = await started({ stateDirectory: first.stateDirectory });
    await second.agent.once(never);
    expect(lines(second.bus.confirmed.slice(0, 2))).toEqual(lines(first.bus.offered));
    expect(sequences(second.bus.confirmed)).toEqual(counted(4));
    expect(second.unsentOnDisk()).toBe(false);
  });

  it('sends what was kept while the bus was away although the agent was killed', async () => {
    const first = await started();
    first.bus.answer = refuse;
    void first.agent.once(never).catch(() => undefined);
    await until('it is on disk', first.unsentOnDisk);
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
    // As each message leaves, its number is on disk already.
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
      ahead.push(Math.max(...numbers) <= Number(second.stateOnDisk().sequence));
      return Promise.resolve();
    };
    await second.agent.once(never);
    expect(ahead.length).toBeGreaterThan(3);
    expect(ahead).not.toContain(false);
    expect(sequences(second.bus.confirmed).sort((a, b) => a - b)).toEqual(counted(180));
  });
});

describe('when the disk of the state is full', () => {
  it('sends nothing, says why, and sends all when there is space again', async () => {
    const place = newPath();
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]);
    try {
      const { agent, bus, clock } = await started({ stateDirectory: place });
      writeFileSync(join(place, 'filler'), '');
      execFileSync('sh', ['-c', `cat /dev/zero > ${join(place, 'filler')} 2>/dev/null || true`]);
      const done = agent.once(never);
      await until('it is said', () => !agent.health().ok);
      expect(agent.health()).toEqual({
        ok: false,
        reason: expect.stringMatching(
          /^2 samples wait: the state directory .* cannot take state\.json; free space there or mend its permissions: ENOSPC/,
        ),
      });
      expect(bus.offered).toEqual([]);
      execFileSync('rm', [join(place, 'filler')]);
      await advanceUntil('it is sent', clock, () => bus.confirmed.length === 2);
      await done;
      await agent.stop();
    } finally {
      execFileSync('umount', [place]);
    }
  });
});

describe('stop', () => {
  it('is safe before the start, twice and at the same time', async () => {
    const { agent } = createAgent({ stateDirectory: newPath(), pollsters: [one], inspector: new FakeInspector() });
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

  it('says so when what is unsent cannot be kept, and still leaves the state directory', async () => {
    const { agent, bus, clock, stateDirectory } = await started();
    bus.answer = hang;
    void agent.run();
    await until('it was offered', () => bus.offered.length === 2);
    mkdirSync(join(stateDirectory, 'unsent.ndjson'));
    await expect(stop(agent, clock)).rejects.toMatchObject({
      code: 'STATE_DIRECTORY',
      message: expect.stringContaining('cannot take unsent.ndjson'),
    });
    execFileSync('rmdir', [join(stateDirectory, 'unsent.ndjson')]);
    await started({ stateDirectory });
  });
});
