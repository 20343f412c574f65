import { NephoscopeError } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import {
  createVerifier,
  isJsonObject,
  meteringTexts,
  meteringTopology,
  parseJson,
  splitMeteringBatch,
} from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';
import { FakeBus, FakeClock, fakeStart } from '@nephoscope/testing';

import {
  advanceUntil,
  figure,
  ids,
  lines,
  noCloud,
  metric,
  pollster,
  secret,
  startAgent,
  stop,
  stopAgents,
  things,
  until,
} from './support.js';

const never = new AbortController().signal;
const hang = () => new Promise<never>(() => undefined);
const refuse = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'the broker is away'));
const minute = 60_000;
const second = 1_000_000_000n;

afterEach(stopAgents);

describe('one cycle', () => {
  it('sends signed samples of each meter, with ids derived from the time and without sequence numbers', async () => {
    const { agent, bus, told } = await startAgent({ pollsters: [things('one', 'a', 'b'), things('two', 'ü/猫')] });
    await agent.once(never);
    expect(bus.declared).toEqual([meteringTopology]);
    expect(bus.confirmed.map(({ exchange, routingKey }) => `${exchange} ${routingKey}`).sort()).toEqual([
      'ceilometer metering.one',
      'ceilometer metering.two',
    ]);
    const sent = lines(bus.confirmed);
    expect(sent.map(({ counter_name, resource_id }) => `${counter_name} ${resource_id}`).sort()).toEqual([
      'one a',
      'one b',
      'two ü/猫',
    ]);
    for (const line of sent) {
      expect(line).toMatchObject({ publisher_id: 'central.controller-1', source: 'openstack' });
      expect(line).not.toHaveProperty('sequence');
    }
    const verifier = createVerifier({ secrets: [secret] });
    for (const { body } of bus.confirmed)
      for (const text of splitMeteringBatch(body)) {
        const message = parseJson(text as string);
        expect(isJsonObject(message) && verifier.verify(message as JsonObject)).toBe('verified');
      }
    expect(told('error')).toEqual([]);
  });

  it('is sent to a real Ceilometer in its own form, and signed in that form', async () => {
    const { agent, bus } = await startAgent({ options: { wire: 'ceilometer' } });
    await agent.once(never);
    expect(bus.declared).toEqual([]);
    expect(bus.confirmed.map(({ routingKey, contentType }) => [routingKey, contentType])).toEqual([
      ['notifications.sample', 'application/json'],
    ]);
    const verifier = createVerifier({ secrets: [secret], forms: ['ceilometer'] });
    const texts = bus.confirmed.flatMap(({ body, contentType }) => [...meteringTexts(body, contentType)]);
    expect(texts.map((text) => verifier.verify(parseJson(text as string) as JsonObject))).toEqual([
      'verified',
      'verified',
    ]);
  });

  it('of `once` is a separate one, at the current time, even if another agent holds the lock', async () => {
    const bus = new FakeBus();
    await bus.lead('central', never);
    const { agent, clock } = await startAgent({ bus });
    await agent.once(never);
    await clock.advance(1_000);
    await agent.once(never);
    expect(new Set(ids(bus.confirmed)).size).toBe(4);
  });

  it('sends in pieces while it reads, and continues reading when a piece is confirmed', async () => {
    let read = 0;
    const many = pollster('many', async function* () {
      for (; read < 5_000; read++) yield figure('many', `${read}`);
    });
    const { agent, bus } = await startAgent({ pollsters: [many] });
    const held: (() => void)[] = [];
    bus.answer = () => new Promise<void>((resolve) => held.push(resolve));
    const done = agent.once(never);
    await until('the first piece is offered', () => bus.offered.length > 0);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBe(999);
    bus.answer = () => Promise.resolve();
    for (const confirm of held) confirm();
    await done;
    expect(new Set(ids(bus.offered)).size).toBe(5_000);
  });

  it('loses only the remaining counters of a pollster that fails', async () => {
    const broken = pollster('broken', function* () {
      yield figure('broken', 'before');
      throw new Error('glance answers 503');
    });
    const refused = pollster('refused', () => Promise.reject(new Error('keystone is down')));
    const thrown = pollster('thrown', () => {
      throw new Error('a defect');
    });
    const { agent, bus, registry, told } = await startAgent({
      pollsters: [broken, refused, thrown, things('sound', 'a')],
    });
    await expect(agent.once(never)).rejects.toMatchObject({
      code: 'POLLSTERS_FAILED',
      message: expect.stringContaining('broken, refused, thrown'),
    });
    expect(
      lines(bus.confirmed)
        .map(({ resource_id }) => resource_id)
        .sort(),
    ).toEqual(['a', 'before']);
    expect(told('error')).toEqual([
      "the pollster 'broken' failed; its counters are missing: glance answers 503",
      "the pollster 'refused' failed; its counters are missing: keystone is down",
      "the pollster 'thrown' failed; its counters are missing: a defect",
    ]);
    expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'broken' })).toBe(1);
    expect(agent.health()).toEqual({ ok: true });
  });

  it('loses only counters that cannot be sent', async () => {
    const odd = pollster('odd', function* () {
      yield figure('odd', 'nan', Number.NaN);
      yield figure('undeclared', 'x');
      yield { ...figure('odd', 'huge'), metadata: { text: 'x'.repeat(1_100_000) } };
      yield { ...figure('odd', 'half'), metadata: { text: '\ud800' } };
      yield figure('odd', 'good');
    });
    const { agent, bus, registry, told } = await startAgent({ pollsters: [odd] });
    await expect(agent.once(never)).rejects.toMatchObject({ code: 'POLLSTERS_FAILED' });
    expect(lines(bus.confirmed).map(({ resource_id }) => resource_id)).toEqual(['good']);
    expect(await metric(registry, 'nephoscope_plugin_failures_total')).toBe(4);
    expect(told('error')).toHaveLength(1);
    expect(told('error')[0]).toMatch(/the volume of 'odd' for 'nan' is NaN.*\(and 3 more\)$/);
  });

  it('counts missing figures, and logs similar ones in one line', async () => {
    const lacks = (volume: Missing, resourceId: string) => ({ meter: 'lacking', volume, resourceId });
    const lacking = pollster('lacking', function* () {
      for (let index = 0; index < 12; index++)
        yield lacks({ missing: 'error', detail: 'no size' }, `thing-${index}`);
      for (let index = 0; index < 30; index++)
        yield lacks({ missing: 'error', detail: `reason ${index}` }, `other-${index}`);
      yield lacks({ missing: 'off', detail: 'nothing yet' }, 'queued');
    });
    const { agent, registry, told } = await startAgent({ pollsters: [lacking] });
    await agent.once(never);
    expect(await metric(registry, 'nephoscope_missing_figures_total', { reason: 'error' })).toBe(42);
    expect(await metric(registry, 'nephoscope_missing_figures_total', { reason: 'off' })).toBe(1);
    expect(told('warn')).toHaveLength(21);
    expect(told('warn')[0]).toMatch(/^no figure for lacking of thing-0, .*thing-9 and 2 others: no size$/);
    expect(told('warn')[20]).toMatch(/ and 1 others: for other reasons$/);
  });

  it.each([
    ['10m', 5 * minute, '300 s (central.timeout)'],
    ['1m', minute, '60 s (central.interval)'],
  ])(
    'cancels what is not read in time at an interval of %s, and sends the rest',
    async (interval, time, bound) => {
      const slow = pollster('slow', async function* () {
        yield figure('slow', 'early');
        await hang();
      });
      const { agent, bus, clock, told } = await startAgent({
        pollsters: [slow, things('quick', 'a')],
        options: { interval },
      });
      const done = agent.once(never);
      done.catch(() => undefined);
      await clock.advance(time);
      await expect(done).rejects.toMatchObject({ code: 'POLLSTERS_FAILED' });
      expect(
        lines(bus.confirmed)
          .map(({ resource_id }) => resource_id)
          .sort(),
      ).toEqual(['a', 'early']);
      expect(told('error')).toEqual([
        `the pollster 'slow' failed; its counters are missing: it had not finished when the cycle ended: not done within ${bound}`,
      ]);
    },
  );

  it('names the service that was unavailable when the cycle ended', async () => {
    const { agent, clock, told } = await startAgent({
      pollsters: [pollster('slow', () => hang())],
      session: { ...noCloud, away: () => ['keystone: connect ECONNREFUSED 192.0.2.1:5000'] },
    });
    const done = agent.once(never);
    done.catch(() => undefined);
    await clock.advance(5 * minute);
    await expect(done).rejects.toMatchObject({ code: 'POLLSTERS_FAILED' });
    expect(told('error')).toEqual([
      expect.stringContaining(
        'it had not finished when the cycle ended, while a service did not answer (keystone: connect ECONNREFUSED 192.0.2.1:5000)',
      ),
    ]);
  });

  it('reports how many samples the bus did not confirm', async () => {
    const { agent, bus, clock, registry } = await startAgent();
    bus.answer = hang;
    const done = agent.once(never);
    done.catch(() => undefined);
    await clock.advance(5 * minute + 10_000);
    await expect(done).rejects.toMatchObject({
      code: 'SAMPLES_UNSENT',
      message: '2 samples are not confirmed by the bus',
    });
    expect(await metric(registry, 'nephoscope_unsent_samples_total')).toBe(2);
    expect(agent.health()).toMatchObject({ ok: false, reason: expect.stringContaining('2 samples') });
  });

  it('ends when it is stopped', async () => {
    const { agent } = await startAgent({ pollsters: [pollster('slow', hang)] });
    const controller = new AbortController();
    const done = agent.once(controller.signal);
    controller.abort(new NephoscopeError('STOPPED', 'stopped by SIGTERM'));
    await expect(done).rejects.toMatchObject({ code: 'STOPPED' });
  });
});

describe('running', () => {
  it('runs a cycle immediately, then at multiples of the interval', async () => {
    const clock = new FakeClock(fakeStart + 90n * second);
    const { agent, bus } = await startAgent({ clock, options: { interval: '5m' } });
    void agent.run();
    await clock.advance(1);
    expect(bus.confirmed).toHaveLength(1);
    await clock.advance(3.5 * minute - 10);
    expect(bus.confirmed).toHaveLength(1);
    await clock.advance(20);
    expect(bus.confirmed).toHaveLength(2);
    await clock.advance(10 * minute);
    expect(bus.confirmed).toHaveLength(4);
    expect(new Set(ids(bus.confirmed)).size).toBe(8);
    const times = lines(bus.confirmed).map(({ timestamp }) => (timestamp as string).slice(11, 19));
    expect([...new Set(times)]).toEqual(['21:01:30', '21:05:00', '21:10:00', '21:15:00']);
  });

  it('whose wall clock is set back, forward and by 100 years sends each reading under different ids', async () => {
    const { agent, bus, clock, registry, told } = await startAgent({ options: { interval: '2s' } });
    void agent.run();
    for (const step of [0, -20, 12, 3_600, 100 * 365 * 86_400, -(100 * 365 * 86_400 + 3_600), -1]) {
      clock.step(step * 1_000);
      await clock.advance(8_000);
    }
    const done = await metric(registry, 'nephoscope_cycles_total', { result: 'done' });
    expect(done).toBeGreaterThan(20);
    expect(done).toBeLessThan(35);
    expect(new Set(ids(bus.confirmed)).size).toBe(2 * done);
    expect(told('warn')).toHaveLength(2);
    expect(told('warn')[0]).toMatch(/^the wall clock is behind the last cycle, 2026-11-22T21:00:08/);
  });

  it('two calls of once at the same time are separate readings', async () => {
    const { agent, bus } = await startAgent();
    await agent.once(never);
    await agent.once(never);
    expect(new Set(ids(bus.confirmed)).size).toBe(4);
  });

  it('retries until the bus confirms', async () => {
    const { agent, bus, clock, told } = await startAgent();
    bus.answer = refuse;
    void agent.run();
    await clock.advance(20_000);
    expect(bus.confirmed).toEqual([]);
    expect(told('warn')).toEqual([
      expect.stringMatching(/^2 samples are waiting; next attempt in 0\.\d+ s: the broker is away$/),
    ]);
    bus.answer = () => Promise.resolve();
    await clock.advance(10_000);
    expect(bus.confirmed).toHaveLength(1);
    expect(new Set(ids(bus.offered)).size).toBe(2);
  });

  it('does not repeat a cycle that could not be sent while it holds the lock, and continues with the next', async () => {
    const { agent, bus, clock, registry, told } = await startAgent();
    bus.answer = refuse;
    void agent.run();
    await clock.advance(10 * minute + 1);
    expect(told('error')[0]).toMatch(
      /^2 samples of the cycle of 2026-11-22T21:00:00.000000\+00:00 are given up: /,
    );
    bus.answer = () => Promise.resolve();
    await clock.advance(minute);
    expect(lines(bus.confirmed)).toHaveLength(2);
    expect(await metric(registry, 'nephoscope_cycles_total', { result: 'failed' })).toBe(1);
    await clock.advance(10 * minute);
    expect(agent.health()).toEqual({ ok: true });
  });

  it('uses a failed pollster again when its service recovers, without a restart', async () => {
    let works = false;
    const { agent, bus, clock, told } = await startAgent({
      pollsters: [
        pollster('image', async () => {
          if (!works) throw new Error('status 503');
          return [figure('image', 'a')];
        }),
      ],
    });
    void agent.run();
    await clock.advance(1);
    expect(agent.health()).toMatchObject({ ok: false, reason: expect.stringContaining('no pollster has worked') });
    works = true;
    await clock.advance(10 * minute);
    expect(lines(bus.confirmed)).toHaveLength(1);
    expect(agent.health()).toEqual({ ok: true });
    expect(told('error')).toHaveLength(1);
  });

  it('does not call a pollster again that has not returned', async () => {
    let calls = 0;
    const { agent, clock, told } = await startAgent({
      pollsters: [
        pollster('stuck', () => {
          calls += 1;
          return hang();
        }),
        things('sound', 'a'),
      ],
    });
    void agent.run();
    await clock.advance(25 * minute);
    expect(calls).toBe(1);
    expect(told('error').at(-1)).toContain('it has not returned from an earlier cycle');
  });

  it('stops at once in the middle of a cycle, releases the lock and reports no failure', async () => {
    const { agent, bus, clock, registry, told } = await startAgent({ pollsters: [pollster('slow', hang)] });
    const run = agent.run();
    await clock.advance(1);
    await stop({ agent, clock });
    await run;
    await bus.lead('central', never);
    expect(told('error')).toEqual([]);
    expect(await metric(registry, 'nephoscope_plugin_failures_total')).toBe(0);
    expect(await metric(registry, 'nephoscope_cycles_total', { result: 'abandoned' })).toBe(1);
    await agent.stop();
  });

  it('stops even if the bus never answers', async () => {
    const bus = new FakeBus();
    bus.lead = hang;
    const { agent, clock } = await startAgent({ bus });
    void agent.run();
    await clock.advance(1);
    await stop({ agent, clock });
  });

  it('waits while the lock cannot be requested, and logs it', async () => {
    const bus = new FakeBus();
    const { lead } = bus;
    bus.lead = refuse;
    const { agent, clock, told } = await startAgent({ bus });
    void agent.run();
    await clock.advance(1);
    expect(told('warn')).toEqual([
      'this agent is on standby; next attempt to become active in 5 s: the broker is away',
    ]);
    bus.lead = lead.bind(bus);
    await clock.advance(5_000);
    expect(bus.confirmed).toHaveLength(1);
  });

  it('refuses to run without a pollster', async () => {
    await expect(startAgent({ pollsters: [] })).rejects.toMatchObject({ code: 'NOTHING_TO_POLL' });
  });
});

describe('two agents on one bus', () => {
  async function two(pollsters = [things('one', 'a', 'b', 'c')]) {
    const bus = new FakeBus();
    const clock = new FakeClock(fakeStart + 7n * second);
    const first = await startAgent({ bus, clock, pollsters, host: 'controller-1' });
    const second_ = await startAgent({ bus, clock, pollsters, host: 'controller-2' });
    void first.agent.run();
    await clock.advance(1);
    void second_.agent.run();
    await clock.advance(1);
    return { bus, clock, first, second: second_ };
  }
  const publishers = (bus: FakeBus) => new Set(lines(bus.confirmed).map(({ publisher_id }) => publisher_id));

  it('one works, and the other waits', async () => {
    const { bus, clock, first, second: other } = await two();
    await clock.advance(30 * minute);
    expect(publishers(bus)).toEqual(new Set(['central.controller-1']));
    expect(await metric(first.registry, 'nephoscope_central_active')).toBe(1);
    expect(await metric(other.registry, 'nephoscope_central_active')).toBe(0);
    expect(other.agent.health()).toEqual({ ok: true });
  });

  it('the other takes over when the first stops, and repeats no finished cycle', async () => {
    const { bus, clock, first } = await two();
    await stop({ agent: first.agent, clock });
    await clock.advance(minute);
    expect(ids(bus.confirmed)).toHaveLength(3);
    await clock.advance(10 * minute);
    expect(ids(bus.confirmed)).toHaveLength(6);
    expect(publishers(bus)).toEqual(new Set(['central.controller-1', 'central.controller-2']));
  });

  it('the other repeats a cycle in progress, with the same ids', async () => {
    let calls = 0;
    const slow = pollster('slow', async function* () {
      const dies = ++calls === 1;
      for (let index = 0; index < 2_500; index++) {
        if (dies && index === 1_500) await hang();
        yield figure('slow', `${index}`);
      }
    });
    const { bus, clock } = await two([slow]);
    const before = ids(bus.confirmed);
    expect(before).toHaveLength(1_000);
    // As when it is killed: the broker loses its connection.
    bus.loseLead('central');
    await advanceUntil('the other has done it', clock, () => ids(bus.confirmed).length >= 3_500);
    const after = ids(bus.confirmed).slice(1_000);
    expect(after).toHaveLength(2_500);
    expect(after.slice(0, 1_000)).toEqual(before);
    expect(new Set([...before, ...after]).size).toBe(2_500);
  });

  it('continues after one whose clock was ahead, as does the next one', async () => {
    const bus = new FakeBus();
    const ahead = await startAgent({ bus, clock: new FakeClock(fakeStart + 86_400n * second) });
    const right = await startAgent({ bus, host: 'controller-2' });
    const isDone = async ({ registry }: typeof ahead, cycles: number) =>
      (await metric(registry, 'nephoscope_cycles_total', { result: 'done' })) === cycles;
    void ahead.agent.run();
    await until('the one has done a cycle', () => isDone(ahead, 1));
    await stop(ahead);
    void right.agent.run();
    await until('the other has done one', () => isDone(right, 1));
    await right.clock.advance(10 * minute);
    await until('the other has done two', () => isDone(right, 2));
    expect(new Set(ids(bus.confirmed)).size).toBe(6);
  });

  it('that loses the lock ends its cycle, and waits', async () => {
    let signalOfFirst: AbortSignal | undefined;
    const slow = pollster('slow', (_, signal) => {
      if (signalOfFirst !== undefined) return [];
      signalOfFirst = signal;
      return hang();
    });
    const { bus, first } = await two([slow]);
    bus.loseLead('central');
    await until('it is told', () => first.told('warn').length > 0);
    expect(signalOfFirst?.aborted).toBe(true);
    expect(first.told('error')).toEqual([]);
    expect(first.told('warn')).toContain('the lock is lost: another central agent may be active');
  });

  it('a note from a different program does not count as a finished cycle', async () => {
    const bus = new FakeBus();
    for (const note of ['', 'odd', '{}', '{"cycle":5}', '{"cycle":"yesterday"}', 'null']) {
      const held = await bus.lead('central', never);
      await held.saveNote(Buffer.from(note));
      await held.release();
      const one = await startAgent({ bus });
      void one.agent.run();
      await one.clock.advance(1);
      expect(lines(bus.confirmed)).toHaveLength(2);
      bus.confirmed.length = 0;
      await stop(one);
    }
  });
});
