import { jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { FakeClock, FakeInspector, instanceReading } from '@nephoscope/testing';

import { counted, hang, lines, metric, pollster, refuse, sequences, ticks, until } from './support.js';
import { advanceUntil, awayBus, never, newPath, one, spooled, started, stop } from './running-agent.js';

describe('while the bus is unavailable', () => {
  it('keeps accepted samples in the spool, and sends them in order when the bus is back', async () => {
    const { agent, bus, clock, told, registry, stateDirectory } = await started({ options: { interval: '10s' } });
    bus.answer = refuse;
    const running = agent.run();
    await advanceUntil('three cycles wait', clock, () => told('info').length === 3);
    expect(spooled(stateDirectory)).toHaveLength(6);
    expect(agent.health()).toEqual({
      ok: false,
      reason: expect.stringMatching(/^\d samples are waiting: the broker is away$/),
    });
    expect(await metric(registry, 'nephoscope_unsent_samples')).toBe(6);
    expect(bus.confirmed).toEqual([]);

    bus.answer = () => Promise.resolve();
    await advanceUntil('it is sent', clock, () => bus.confirmed.length >= 6);
    const sent = sequences(bus.confirmed);
    expect(sent).toEqual(counted(sent.length));
    expect(await metric(registry, 'nephoscope_unsent_samples')).toBe(0);
    await until('it is well', () => agent.health().ok);
    expect(told('info')).toContain('the waiting samples have been sent');
    await agent.stop();
    await running;
  });

  it('retries with growing pauses', async () => {
    // Pauses are randomised; this makes each one as long as it can be.
    const random = jest.spyOn(Math, 'random').mockReturnValue(1);
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
    random.mockRestore();
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('sends again only the messages that were not confirmed', async () => {
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

  it('fails a cycle with advice when the spool is full, and accepts later ones when there is room', async () => {
    const { agent, bus, clock, told, registry } = await started({
      bus: awayBus(),
      options: { interval: '10s', timeout: '5s', spool: { maxBytes: 3_000 } },
    });
    void agent.run();
    const full = () => told('error').filter((text) => text.includes('compute.spool.maxBytes'));
    await advanceUntil('a cycle failed', clock, () => full().length > 0);
    expect(full()[0]).toMatch(
      /^nothing was accepted in this cycle: the spool .*spool holds \d+ bytes that cannot be thinned now, of 3000 \(compute\.spool\.maxBytes\): restore the bus, or raise the limit; given up: not done within 5 s/,
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
  it('sends what the bus had not confirmed, with the same ids and before anything new', async () => {
    const first = await started();
    first.bus.answer = hang;
    const deadline = new AbortController();
    const done = first.agent.once(deadline.signal).catch(() => undefined);
    await until('it was offered', () => first.bus.offered.length === 2);
    deadline.abort();
    await stop(first.agent, first.clock);
    await done;
    expect(first.told('warn')).toEqual([
      '2 samples are not confirmed by the bus: it did not answer in time; they are in the spool and will be sent at the next start',
    ]);

    const second = await started({ stateDirectory: first.stateDirectory });
    await second.agent.once(never);
    expect(lines(second.bus.confirmed.slice(0, 2))).toEqual(lines(first.bus.offered));
    expect(sequences(second.bus.confirmed)).toEqual(counted(4));
    await second.agent.stop();

    const third = await started({ stateDirectory: first.stateDirectory });
    await ticks(20);
    expect(third.bus.offered).toEqual([]);
  });

  it('sends what was spooled during an outage, even if the agent was killed', async () => {
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

  it('assigns no number twice, whenever the agent was killed', async () => {
    const stateDirectory = newPath();
    const first = await started({ stateDirectory });
    // Each message is on disk before it is sent.
    const ahead: boolean[] = [];
    const slow = pollster('slow', ['slow'], async ({ instance: { id } }) => {
      for (let turn = 0; turn < Number(id); turn++) await ticks(1);
      return [{ meter: 'slow', volume: 1 }];
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

describe('when the disk of the state directory is full', () => {
  const fill = (place: string) =>
    execFileSync('sh', ['-c', 'cat /dev/zero > "$0/filler" 2>/dev/null || true', place]);

  it('accepts nothing, reports why, and continues without a gap when there is space again', async () => {
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
      expect(told('error')[0]).toMatch(/^nothing was accepted in this cycle: .*free space, or fix.*ENOSPC/);
      expect(agent.health()).toEqual({
        ok: false,
        reason: expect.stringMatching(/free space, or fix.*ENOSPC/),
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

  it.each(['once', 'start'])('%s fails', async (what) => {
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
      const many = pollster('many', names, () => names.map((name) => ({ meter: name, volume: 1 })));
      const { agent, clock } = await started({ stateDirectory: place, pollsters: [many] });
      fill(place);
      const failed = expect(agent.once(never)).rejects.toThrow(
        /free space, or fix.*given up: not done within 30 s/,
      );
      for (let seconds = 0; seconds < 60; seconds++) {
        await ticks();
        await clock.advance(1_000);
      }
      await failed;
      await stop(agent, clock).catch(() => undefined);
    } finally {
      execFileSync('umount', ['--lazy', place]);
    }
  });
});
