import type { Health } from '@nephoscope/core';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

import { HealthWatch } from '../src/health-watch.js';

describe('HealthWatch', () => {
  let clock: FakeClock;
  let logger: RecordingLogger;
  let stop: AbortController;
  let health: Health;
  let notified: string[][];

  beforeEach(() => {
    clock = new FakeClock();
    logger = new RecordingLogger();
    stop = new AbortController();
    health = { ok: true };
    notified = [];
  });
  afterEach(() => stop.abort());

  function watch(watchdog?: number): HealthWatch {
    const notify = (...assignments: readonly string[]) => Promise.resolve(void notified.push([...assignments]));
    return new HealthWatch({
      checks: { bus: () => health },
      serviceManager: { watchdog, notify },
      stopped: stop.signal,
      clock,
      logger,
    });
  }

  const told = () => logger.entries.map(({ level, message }) => `${level}: ${message}`);

  it('logs failing checks, with the time since when, and their recovery', async () => {
    const { checks } = watch();
    await clock.advance(20_000);
    health = { ok: false, reason: "queue 'metering' is not consumed" };
    await clock.advance(20_000);
    expect(told()).toEqual([]);
    await clock.advance(580_000);
    const line = "warn: bus is not well since 2026-11-22T21:00:40.000Z: queue 'metering' is not consumed";
    expect(told()).toEqual([line]);
    expect(checks['bus']?.()).toEqual({ ...health, since: '2026-11-22T21:00:40.000Z' });
    await clock.advance(100_000);
    expect(told()).toEqual([line, line]);
    health = { ok: true };
    await clock.advance(20_000);
    expect(told().slice(2)).toEqual(['info: bus is well again']);
    expect(checks['bus']?.()).toEqual({ ok: true });
  });

  it("does not log short failures, and prefers a check's own time of the failure", async () => {
    const { checks } = watch();
    health = { ok: false, reason: 'away', since: '2026-11-22T20:00:00.000Z' };
    expect(checks['bus']?.()).toEqual(health);
    await clock.advance(19_999);
    health = { ok: true };
    await clock.advance(60_000);
    expect(told()).toEqual([]);
  });

  it('notifies systemd of the start, the status, keepalives, and the end', async () => {
    const it = watch(60_000);
    health = { ok: false, reason: 'not connected' };
    await clock.advance(20_000);
    it.ready();
    health = { ok: true };
    await clock.advance(40_000);
    stop.abort();
    await clock.advance(100_000);
    expect(notified).toEqual([
      ['STATUS=bus: not connected', 'EXTEND_TIMEOUT_USEC=80000000', 'WATCHDOG=1'],
      ['READY=1', 'WATCHDOG=1'],
      ['STATUS=all is well', 'WATCHDOG=1'],
      ['WATCHDOG=1'],
      ['STOPPING=1'],
    ]);
  });

  it('sends no keepalives while something is stuck, but sends them while something is unavailable', async () => {
    const it = watch(10_000);
    it.ready();
    health = { ok: false, reason: 'RabbitMQ is away' };
    await clock.advance(10_000);
    expect(notified.slice(1)).toEqual([['STATUS=bus: RabbitMQ is away', 'WATCHDOG=1'], ['WATCHDOG=1']]);
    health = { ok: false, reason: 'no cycle has ended', isStuck: true };
    await clock.advance(60_000);
    expect(notified.slice(3)).toEqual([['STATUS=bus: no cycle has ended']]);
  });
});
