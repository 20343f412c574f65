import { FakeClock, fakeStart, FakeInspector, instanceReading } from '@nephoscope/testing';

import { counted, createAgent, hang, metric, pollster, refuse, sequences, until } from './support.js';
import { distinct, never, newPath, one, started, stop } from './running-agent.js';

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

  it('that take longer than the interval are skipped, counted and logged; other groups are not delayed', async () => {
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
    expect(told('warn')).toEqual(Array(2).fill('a cycle is skipped: the previous one has not finished'));
    inspector.inspect = inspect;
    release();
    await until('it is sent', () => bus.confirmed.length === 2);
    await clock.advance(10_000);
    await until('the cycles after it are sent', () => bus.confirmed.length >= 4);
    expect(await metric(registry, 'nephoscope_cycles_skipped_total')).toBe(2);
  });

  it('that fall due while the process is suspended are skipped, counted and logged in one line', async () => {
    const { agent, clock, bus, registry, told } = await started({ options: { interval: '10s', timeout: '5s' } });
    void agent.run();
    await until('the first cycle is sent', () => bus.confirmed.length === 2);
    await clock.advance(10_000);
    await until('the second cycle is sent', () => bus.confirmed.length === 4);
    // Four were due, at 20, 30, 40 and 50 s; the last one is not too late.
    clock.freeze(45_000);
    await clock.advance(0);
    await until('the one that was due last is sent', () => bus.confirmed.length === 6);
    expect(await metric(registry, 'nephoscope_cycles_skipped_total')).toBe(3);
    expect(told('warn')).toEqual([
      'the agent was not running for 35 s, 3 cycles are skipped: its process was stopped, had no CPU time, or was blocked',
    ]);
    expect(agent.health()).toEqual({ ok: true });
    expect(sequences(bus.confirmed)).toEqual(counted(6));
  });

  it('are cancelled at their deadline, and the next one runs', async () => {
    const inspector = new FakeInspector([instanceReading()]);
    const { agent, clock, bus, registry, told } = await started({
      inspector,
      options: { interval: '1m', timeout: '30s' },
    });
    const { inspect } = inspector;
    inspector.inspect = hang;
    void agent.run();
    await clock.advance(30_000);
    expect(told('error')).toEqual(['nothing was accepted in this cycle: not done within 30 s (compute.timeout)']);
    expect(agent.health()).toEqual({ ok: false, reason: 'not done within 30 s (compute.timeout)' });
    expect(await metric(registry, 'nephoscope_cycles_total', { result: 'failed' })).toBe(1);
    inspector.inspect = inspect;
    await clock.advance(30_000);
    await until('the next cycle is sent', () => bus.confirmed.length === 2);
    expect(agent.health()).toEqual({ ok: true });
  });

  it('that no longer happen are reported, with the time of the last one', async () => {
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

  it("abort their pollsters' signal when they end", async () => {
    const signals: AbortSignal[] = [];
    const watching = pollster('watching', ['watching'], (_, signal) => {
      signals.push(signal);
      return [];
    });
    const { agent } = await started({ pollsters: [watching] });
    await agent.once(never);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('are refused without a pollster', () => {
    expect(() =>
      createAgent({ stateDirectory: newPath(), pollsters: [], inspector: new FakeInspector() }),
    ).toThrow(expect.objectContaining({ code: 'NOTHING_TO_POLL' }));
  });
});

describe('once', () => {
  it('resolves when everything is confirmed, and declares the queue first', async () => {
    const { agent, bus } = await started();
    await agent.once(never);
    expect(bus.confirmed).toHaveLength(2);
    expect(bus.declared.map(({ queue }) => queue)).toEqual(['metering']);
  });

  it('fails if the reading fails', async () => {
    const { agent } = await started({ inspector: new FakeInspector(new Error('libvirt is away')) });
    await expect(agent.once(never)).rejects.toThrow('libvirt is away');
  });

  it('fails if a pollster failed, after the samples of the others are confirmed', async () => {
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
  ])('reports how many samples are not confirmed when the bus %s', async (_, answer, message) => {
    const { agent, bus, told } = await started();
    bus.answer = answer;
    const deadline = new AbortController();
    const result = agent.once(deadline.signal);
    await until('it was tried', () => (answer === refuse ? told('warn').length > 0 : bus.offered.length === 2));
    deadline.abort();
    await expect(result).rejects.toMatchObject({ code: 'SAMPLES_UNSENT', message });
  });

  it('reports waiting samples while the bus neither confirms nor refuses them', async () => {
    const { agent, clock, bus } = await started();
    bus.answer = hang;
    void agent.once(new AbortController().signal).catch(() => undefined);
    await until('they are offered', () => bus.offered.length === 2);
    await clock.advance(120_000);
    expect(agent.health()).toEqual({ ok: true });
    await clock.advance(1);
    expect(agent.health()).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^samples are waiting, and nothing has been confirmed or refused since /),
      isStuck: true,
    });
  });

  it('ends a hanging reading when its signal is aborted', async () => {
    const inspector = new FakeInspector([]);
    const { agent } = await started({ inspector });
    inspector.inspect = hang;
    await expect(agent.once(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });

  it('is refused before the start', async () => {
    const inspector = new FakeInspector([instanceReading()]);
    await inspector.start(never);
    const { agent } = createAgent({ stateDirectory: newPath(), pollsters: [one], inspector });
    expect(agent.health()).toEqual({ ok: false, reason: 'not started' });
    await expect(agent.once(never)).rejects.toMatchObject({ code: 'AGENT_NOT_STARTED' });
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

  it('ends a hanging reading', async () => {
    const inspector = new FakeInspector([]);
    const { agent, clock, told } = await started({ inspector });
    inspector.inspect = hang;
    const running = agent.run();
    await clock.advance(1_000);
    await stop(agent, clock);
    await running;
    expect(told('error')).toEqual([]);
  });

  it('ends a cycle with a hanging pollster, and sends the samples of the others', async () => {
    const { agent, clock, bus } = await started({ pollsters: [pollster('hung', ['hung'], hang), one] });
    const running = agent.run();
    await until('the others are sent', () => bus.confirmed.length === 2);
    await stop(agent, clock);
    await running;
  });

  it('does not wait for a hanging bus, and releases the state directory', async () => {
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
